"""The house as a table: every room, the rooms it stands on, and who owns which heavy header.

A room may include whatever its arrows reach. ARCHITECTURE.md draws the same picture; the docs check
holds the two lists against each other and against the folders.
"""

CORE = ["base", "env", "async", "crypto", "db", "net", "secrets", "audit"]

# room: (folder under src, the rooms it stands on)
ROOMS = {
    "base": ("core/base", []),
    "env": ("core/env", ["base"]),
    "async": ("core/async", ["env"]),
    "crypto": ("core/crypto", ["async"]),
    "db": ("core/db", ["async"]),
    "net": ("core/net", ["async", "crypto"]),
    "secrets": ("core/secrets", ["net", "db"]),
    "audit": ("core/audit", ["net", "db"]),
    "blob": ("engine/blob", CORE),
    "repo": ("engine/repo", ["blob"]),
    "backup": ("engine/backup", ["repo"]),
    "storage": ("drivers/storage", CORE),
    "appdb": ("drivers/appdb", CORE),
    "notify": ("drivers/notify", CORE),
    "flow": ("flow", CORE),
    "schedule": ("domain/schedule", ["base"]),
    "insight": ("domain/insight", ["base"]),
    "activities": ("domain/activities", ["backup", "storage", "appdb", "notify", "flow"]),
    "access": ("domain/access", CORE),
    "inventory": ("domain/inventory", CORE),
    "approve": ("domain/approve", ["access"]),
    "protect": ("domain/protect", ["activities", "schedule", "insight", "inventory", "approve"]),
    "recover": ("domain/recover", ["protect"]),
    "comply": ("domain/comply", ["recover"]),
    "wire": ("edge/wire", ["base"]),
    "assist": ("edge/assist", ["comply", "wire"]),
    "api": ("edge/api", ["assist"]),
    "agent": ("edge/agent", ["activities", "wire"]),
    "mcp": ("edge/mcp", ["assist"]),
    "cli": ("edge/cli", ["backup", "wire"]),
    "daemon": ("daemon", ["api", "mcp"]),
}

# Programs of their own beside src/: what of the house they may stand on. Never on drivers, so that a
# simulator shares no misreading with what it judges.
SIMULATORS = {"simulators/ontap": CORE}

# The programs: what their main file may include. Only main.cc sees the command line beside the daemon
# and the agent.
PROGRAMS = {"main.cc": {"cli", "daemon", "agent", "base"}, "replay_main.cc": {"daemon", "flow", "env", "base"}}

# A heavy header costs seconds in every file that includes it: one owner each (LIBRARIES 4).
# prefix of the header's name: (files that may include it, what others use)
OWNERS = {
    "boost/beast": ([r"core/net/"], "core/net/server.h or core/net/http_client.h"),
    "CLI/": ([r"edge/cli/"], "edge/cli"),
    "spdlog/": ([r"core/base/log_sink\.cc"], "core/base/log.h"),
    "prometheus/": ([r"core/base/metrics\.cc"], "core/base/metrics.h"),
    "yaml-cpp/": ([r"core/base/yaml\.cc"], "core/base/yaml.h"),
    "SQLiteCpp/": ([r"core/db/"], "core/db/database.h"),
    "sqlite3.h": ([r"core/db/"], "core/db/database.h"),
    "openssl/": ([r"core/crypto/", r"core/net/"], "core/crypto"),
    "sodium": ([r"core/crypto/"], "core/crypto"),
    "curl/": ([r"core/net/"], "core/net/http_client.h"),
    "zstd": ([r"engine/repo/"], "engine/repo"),
    "cctz/": ([r"domain/schedule/"], "domain/schedule/zone.h"),
    "btrfsutil": ([r"drivers/storage/btrfs/"], "drivers/storage/driver.h"),
    "cjose": ([r"domain/access/jws\.cc"], "domain/access"),
    "Eigen/": ([r"domain/insight/numeric[^/]*\.cc"], "domain/insight"),
    "boost/math": ([r"domain/insight/numeric[^/]*\.cc"], "domain/insight"),
    "nghttp2/": ([r"core/net/"], "core/net/http2_session.h"),
    "grpcpp/": ([r"flow/temporal/[a-z_]*_test\.cc"], "flow/temporal/connection.h"),
    "libpq": ([r"core/db/"], "core/db/database.h"),
}

# Refused in every file.
REFUSED_HEADERS = {
    "regex": "costs 5 s a file and overflows its stack on long input: write a small parser",
    "format": "libstdc++ 12 has none: use fmt",
    "print": "libstdc++ 12 has none: use fmt",
    "generator": "libstdc++ 12 has none: write a loop",
    "iostream": "use core/base/log.h, or fmt",
}

# What a workflow definition (*_workflow.cc, *_workflow.h) may include of the project. The rest of its
# world arrives through flow, so that a replay sees the same values.
WORKFLOW_MAY_INCLUDE = [
    r"flow/(workflow|activity|client|types|task)\.h",
    r"core/base/[a-z_]+\.h",
    r"domain/schedule/[a-z_]+\.h",
    r"domain/[a-z]+/[a-z_]+_types\.h",
    r"domain/[a-z]+/[a-z_]+_workflow\.h",
    r"domain/activities/codec\.h",
]


def room_of(path):
    """The room that owns a path under src/, or None."""
    for room, (folder, _) in ROOMS.items():
        if path.startswith(folder + "/"):
            return room
    return None


def simulator_of(name):
    """The simulator that owns a path relative to the root, or None."""
    for folder in SIMULATORS:
        if name.startswith(folder + "/"):
            return folder
    return None


def reach(room):
    """Every room that `room` may include, itself among them."""
    seen, todo = set(), [room]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo.extend(ROOMS[name][1])
    return seen
