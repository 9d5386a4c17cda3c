"""Each check finds the fault that was planted for it, and nothing in a file without faults."""

import unittest

import compile as compiler
import includes
import papers
import rooms
import sizes
import tree
import words


def messages(problems):
    return "\n".join(map(str, problems))


class Arrows(unittest.TestCase):
    def find(self, name, text):
        return messages(includes.check_file(name, tree.blank(text), {"drivers/notify": {"audit"}}))

    def test_lets_a_room_include_what_its_arrows_reach(self):
        self.assertEqual(self.find("src/engine/repo/x.cc", '#include "engine/blob/blob_store.h"\n#include "core/base/result.h"\n'), "")

    def test_refuses_an_arrow_that_points_up(self):
        self.assertIn("x.cc:2: base may not include env", self.find("src/core/base/x.cc", '\n#include "core/env/clock.h"\n'))

    def test_refuses_a_neighbour_floor(self):
        self.assertIn("storage may not include repo", self.find("src/drivers/storage/x.cc", '#include "engine/repo/index.h"\n'))
        self.assertIn("cli may not include api", self.find("src/edge/cli/x.cc", '#include "edge/api/routes.h"\n'))

    def test_lets_only_tests_use_the_rooms_of_test_deps(self):
        line = '#include "core/audit/audit.h"\n#include "domain/protect/policy.h"\n'
        self.assertIn("protect", self.find("src/drivers/notify/x_test.cc", line))
        self.assertNotIn("include audit", self.find("src/drivers/notify/x_test.cc", line))

    def test_reads_test_deps_of_cmake(self):
        text = "holdfast_room(core/net DEPS async LIBS CURL::libcurl TEST_DEPS db audit TEST_LIBS x)\nholdfast_room(core/db DEPS async)\n"
        self.assertEqual(includes.test_rooms(text), {"core/net": {"db", "audit"}, "core/db": set()})

    def test_ignores_an_include_in_a_comment(self):
        self.assertEqual(self.find("src/core/base/x.cc", '// #include "core/env/clock.h"\n'), "")

    def test_knows_one_owner_a_heavy_header(self):
        self.assertIn("one owner", self.find("src/engine/repo/x.cc", "#include <spdlog/spdlog.h>\n"))
        self.assertEqual(self.find("src/core/base/log_sink.cc", "#include <spdlog/spdlog.h>\n"), "")

    def test_refuses_regex_everywhere(self):
        self.assertIn("<regex> is refused", self.find("src/edge/cli/x.cc", "#include <regex>\n"))

    def test_simulators_stand_on_core_only(self):
        def simulator(text):
            return messages(includes.check_simulator("simulators/ontap/x.cc", tree.blank(text)))

        self.assertEqual(simulator('#include "core/net/server.h"\n#include "simulators/ontap/y.h"\n'), "")
        self.assertIn("simulators stand on core only", simulator('#include "drivers/storage/driver.h"\n'))

    def test_asks_for_includes_from_src(self):
        self.assertIn("not written from src/", self.find("src/core/base/x.cc", '#include "result.h"\n'))

    def test_asks_for_a_room(self):
        self.assertIn("no room owns src/core/other", self.find("src/core/other/x.cc", "\n"))

    def test_gives_main_the_command_line_and_the_daemon_only(self):
        self.assertEqual(self.find("src/main.cc", '#include "edge/cli/cli.h"\n#include "daemon/server.h"\n'), "")
        self.assertIn("main may not include repo", self.find("src/main.cc", '#include "engine/repo/index.h"\n'))

    def test_keeps_the_world_out_of_workflows(self):
        name = "src/domain/protect/x_workflow.cc"
        self.assertIn("may not include", self.find(name, '#include "domain/protect/ledger.h"\n'))
        self.assertIn("a clock", self.find(name, "auto t = std::chrono::steady_clock::now();\n"))
        self.assertIn("unordered", self.find(name, "std::unordered_map<int, int> m;\n"))
        self.assertIn("a static variable", self.find(name, "static int count = 0;\n"))
        self.assertEqual(self.find(name, '#include "flow/workflow.h"\n#include "domain/activities/step_types.h"\n'), "")

    def test_knows_no_circle(self):
        for room, (_, stands_on) in rooms.ROOMS.items():
            for other in stands_on:
                self.assertNotIn(room, rooms.reach(other), f"{room} and {other} include each other")


class Sizes(unittest.TestCase):
    def function(self, lines, head="void room::f(int a) {"):
        return "namespace a {\n" + head + "\n" + "  g();\n" * lines + "}\n}\n"

    def test_counts_a_function_over_the_limit(self):
        self.assertIn("f has 72 lines", messages(sizes.check_text("src/x.cc", self.function(70))).replace("room::f", "f"))
        self.assertEqual(sizes.check_text("src/x.cc", self.function(68)), [])

    def test_counts_methods_in_a_class_but_not_the_class(self):
        body = "class A : public B {\n public:\n" + "  int a();\n" * 90 + "  int b() const {\n" + "    g();\n" * 75 + "  }\n};\n"
        found = list(sizes.functions(body))
        self.assertEqual([(first, count) for first, count, _ in found], [(93, 77)])

    def test_takes_a_table_for_a_table(self):
        self.assertEqual(list(sizes.functions("constexpr auto kRows = std::to_array<Row>({\n" + "  {1, 2},\n" * 90 + "});\n")), [])

    def test_asks_a_long_file_for_its_reason(self):
        text = "int a;\n" * 401
        self.assertIn("401 lines", messages(sizes.check_text("src/x.cc", text)))
        self.assertEqual(sizes.check_text("src/x.cc", "// Long file: one table.\n" + text), [])


class Words(unittest.TestCase):
    def test_refuses_clocks_outside_env(self):
        line = "auto t = std::chrono::system_clock::now();\n"
        self.assertIn("use env::Clock", messages(words.calls("src/flow/x.cc", line)))
        self.assertEqual(words.calls("src/core/env/posix/system_clock.cc", line), [])

    def test_refuses_sleep_and_system(self):
        self.assertEqual(len(words.calls("src/flow/x.cc", "std::this_thread::sleep_for(1s);\nsystem(\"ls\");\n")), 2)
        self.assertEqual(words.calls("src/flow/x.cc", "co_await async::sleep_for(clock, 1s);\n"), [])

    def test_finds_markers_paths_and_secrets(self):
        text = "// TO" + "DO later\nroot = '/ho" + "me/anna/x'\nkey = 'AKIA" + "ABCDEFGHIJKLMNOP'\n"
        self.assertEqual([problem.line for problem in words.text_words("docs/x.md", text)], [1, 2, 3])

    def test_lets_ordinary_paths_be(self):
        self.assertEqual(words.text_words("docs/x.md", "see /usr/include and $HOME/work/x and src/root/x\n"), [])


class Blanking(unittest.TestCase):
    def test_keeps_lines_in_place(self):
        text = 'a /* x\ny */ "s // t" b // c\nR"(raw {\n)" d\n'
        blanked = tree.blank(text)
        self.assertEqual(blanked.count("\n"), text.count("\n"))
        self.assertEqual(blanked.replace('""', " ").split(), ["a", "b", "d"])

    def test_leaves_digit_separators_alone(self):
        self.assertIn("1'000'000; f(", tree.blank("x = 1'000'000; f('a');"))


class Papers(unittest.TestCase):
    def test_reads_typed_lines_of_console_blocks_only(self):
        text = "# A\n```console\n$ ./dev up\noutput\n```\n```\n$ ./dev other\n```\n"
        self.assertEqual(list(papers.commands_of(text)), [(3, "./dev up")])

    def test_reads_the_papers_at_the_top_and_in_docs(self):
        names = ["README.md", "docs/a.md", "docs/design/b.md", "src/c.md", "dev"]
        self.assertEqual(papers.typed_papers(names), ["README.md", "docs/a.md", "docs/design/b.md"])

    def test_knows_the_commands_of_dev(self):
        known = papers.dev_commands(tree.read("dev"))
        self.assertLessEqual({"up", "down", "test", "check", "fresh", "fuzz"}, known)
        self.assertNotIn("fly", known)

    def test_finds_commands_and_options_that_the_binary_lacks(self):
        seen = {(): "  apply  reads\n  --server X\n", ("apply",): "  -f,--file F\n  --dry-run\n"}
        self.assertIsNone(papers.check_holdfast("none", "holdfast apply -f x.yaml --dry-run", seen))
        self.assertIn("--fast", papers.check_holdfast("none", "holdfast apply --fast", seen))
        self.assertIn("fly", papers.check_holdfast("none", "holdfast fly", seen))


class CompileFlags(unittest.TestCase):
    def test_drops_launcher_output_and_precompiled_header(self):
        words_in = ("cmake -E env ccache clang++-19 -Isrc -std=c++23 -Xclang -fno-pch-timestamp -Winvalid-pch -Xclang -include-pch "
                    "-Xclang a.pch -Xclang -include -Xclang a.hxx -o x.o -c x.cc").split()
        self.assertEqual(compiler.plain_flags(words_in), ["-Isrc", "-std=c++23"])


if __name__ == "__main__":
    unittest.main()
