// Runs of five no-op activities with Temporal's own Go SDK, for the benches.
//
//	temporal_go worker ADDRESS                until SIGTERM; then the CPU seconds it used, as JSON
//	temporal_go start ADDRESS RUNS AT_ONCE    starts runs and waits for them; figures as JSON
//	temporal_go replay FILE                   history events a second, as JSON
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"sort"
	"strconv"
	"sync"
	"syscall"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

const queue = "bench-five"

type silent struct{}

func (silent) Debug(string, ...interface{}) {}
func (silent) Info(string, ...interface{})  {}
func (silent) Warn(string, ...interface{})  {}
func (silent) Error(string, ...interface{}) {}

var _ log.Logger = silent{}

// Nothing answers when it was called, so that the starter sees when the first one began.
func Nothing(context.Context, int) (int64, error) { return time.Now().UnixNano(), nil }

func Five(ctx workflow.Context) (int64, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	var first int64
	for i := 0; i < 5; i++ {
		var at int64
		if err := workflow.ExecuteActivity(ctx, Nothing, i).Get(ctx, &at); err != nil {
			return 0, err
		}
		if i == 0 {
			first = at
		}
	}
	return first, nil
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "temporal_go:", err)
		os.Exit(1)
	}
}

func say(figures map[string]float64) { must(json.NewEncoder(os.Stdout).Encode(figures)) }

func connect(address string) client.Client {
	c, err := client.Dial(client.Options{HostPort: address, Logger: silent{}})
	must(err)
	return c
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(usage.Utime) + seconds(usage.Stime)
}

func work(address string) {
	w := worker.New(connect(address), queue, worker.Options{})
	w.RegisterWorkflow(Five)
	w.RegisterActivity(Nothing)
	must(w.Start())
	fmt.Fprintln(os.Stderr, "ready")
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	<-end
	w.Stop()
	say(map[string]float64{"cpu_seconds": cpuSeconds()})
}

func percentile(values []float64, share float64) float64 {
	sort.Float64s(values)
	return values[int(share*float64(len(values)-1))]
}

func start(address string, runs, atOnce int) {
	c := connect(address)
	first, whole := make([]float64, runs), make([]float64, runs)
	numbers := make(chan int, runs)
	for i := 0; i < runs; i++ {
		numbers <- i
	}
	close(numbers)
	begin := time.Now()
	var all sync.WaitGroup
	for i := 0; i < atOnce; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for n := range numbers {
				asked := time.Now()
				id := fmt.Sprintf("five-%d-%d", begin.UnixNano(), n)
				run, err := c.ExecuteWorkflow(context.Background(), client.StartWorkflowOptions{ID: id, TaskQueue: queue}, Five)
				must(err)
				var at int64
				must(run.Get(context.Background(), &at))
				first[n] = float64(at-asked.UnixNano()) / 1e6
				whole[n] = float64(time.Since(asked).Nanoseconds()) / 1e6
			}
		}()
	}
	all.Wait()
	say(map[string]float64{"runs_per_s": float64(runs) / time.Since(begin).Seconds(), "first_p50_ms": percentile(first, 0.5),
		"first_p99_ms": percentile(first, 0.99), "run_p50_ms": percentile(whole, 0.5)})
}

func replay(file string) {
	text, err := os.ReadFile(file)
	must(err)
	var history struct{ Events []json.RawMessage }
	must(json.Unmarshal(text, &history))
	replayer := worker.NewWorkflowReplayer()
	replayer.RegisterWorkflow(Five)
	rounds, begin := 0, time.Now()
	for time.Since(begin) < 2*time.Second {
		must(replayer.ReplayWorkflowHistoryFromJSONFile(silent{}, file))
		rounds++
	}
	say(map[string]float64{"events_per_s": float64(rounds*len(history.Events)) / time.Since(begin).Seconds()})
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	must(err)
	return n
}

func main() {
	switch {
	case len(os.Args) == 3 && os.Args[1] == "worker":
		work(os.Args[2])
	case len(os.Args) == 5 && os.Args[1] == "start":
		start(os.Args[2], number(os.Args[3]), number(os.Args[4]))
	case len(os.Args) == 3 && os.Args[1] == "replay":
		replay(os.Args[2])
	default:
		fmt.Fprintln(os.Stderr, "usage: see the head of main.go")
		os.Exit(2)
	}
}
