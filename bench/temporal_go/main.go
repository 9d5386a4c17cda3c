// The worker that ours is measured against, on Temporal's Go SDK, and the load for both.
//
//	temporal_go worker ADDRESS QUEUE          works until it is killed
//	temporal_go load ADDRESS QUEUE RUNS AT    starts RUNS runs, AT at a time, and waits for all
//	temporal_go history ADDRESS QUEUE         prints the history of a run of the load as JSON
//	temporal_go replay FILE TIMES             replays it and prints events per second
//	temporal_go latency ADDRESS RUNS AT       the same sequence and its worker in one process: runs per second, and
//	                                          how long after the start the first activity begins, as JSON
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

const steps = 5

func noop(_ context.Context, input string) (string, error) { return input, nil }

func sequence(ctx workflow.Context, input string) (string, error) {
	queue := workflow.GetInfo(ctx).TaskQueueName + "-control"
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{TaskQueue: queue, StartToCloseTimeout: time.Minute})
	for range steps {
		if err := workflow.ExecuteActivity(ctx, "noop", input).Get(ctx, &input); err != nil {
			return "", err
		}
	}
	return input, nil
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "temporal_go:", err)
		os.Exit(1)
	}
}

func connect(address string) client.Client {
	quiet := log.NewStructuredLogger(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	connected, err := client.Dial(client.Options{HostPort: address, Logger: quiet})
	fail(err)
	return connected
}

func work(address, queue string) {
	connected := connect(address)
	workflows := worker.New(connected, queue, worker.Options{DisableEagerActivities: true})
	workflows.RegisterWorkflowWithOptions(sequence, workflow.RegisterOptions{Name: "sequence"})
	activities := worker.New(connected, queue+"-control", worker.Options{MaxConcurrentActivityExecutionSize: 4, DisableWorkflowWorker: true})
	activities.RegisterActivityWithOptions(noop, activity.RegisterOptions{Name: "noop"})
	fail(workflows.Start())
	fail(activities.Run(nil))
}

func run(connected client.Client, queue string, number int) {
	options := client.StartWorkflowOptions{ID: fmt.Sprintf("%s/%d", queue, number), TaskQueue: queue}
	started, err := connected.ExecuteWorkflow(context.Background(), options, "sequence", "input")
	fail(err)
	fail(started.Get(context.Background(), nil))
}

func load(address, queue string, runs, at int) {
	connected := connect(address)
	numbers := make(chan int)
	var group sync.WaitGroup
	began := time.Now()
	for range at {
		group.Add(1)
		go func() {
			defer group.Done()
			for number := range numbers {
				run(connected, queue, number)
			}
		}()
	}
	for number := range runs {
		numbers <- number
	}
	close(numbers)
	group.Wait()
	fmt.Printf("%.3f\n", time.Since(began).Seconds())
}

func historyOf(address, queue string) {
	connected := connect(address)
	all := &history.History{}
	events := connected.GetWorkflowHistory(context.Background(), queue+"/0", "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		fail(err)
		all.Events = append(all.Events, event)
	}
	text, err := temporalproto.CustomJSONMarshalOptions{}.Marshal(all)
	fail(err)
	os.Stdout.Write(text)
}

func replay(file string, times int) {
	text, err := os.ReadFile(file)
	fail(err)
	var shape struct{ Events []json.RawMessage }
	fail(json.Unmarshal(text, &shape))
	quiet := log.NewStructuredLogger(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	replayer := worker.NewWorkflowReplayer()
	replayer.RegisterWorkflowWithOptions(sequence, workflow.RegisterOptions{Name: "sequence"})
	parsed := &history.History{}
	fail(temporalproto.CustomJSONUnmarshalOptions{DiscardUnknown: true}.Unmarshal(text, parsed))
	began := time.Now()
	for range times {
		fail(replayer.ReplayWorkflowHistory(quiet, parsed))
	}
	fmt.Printf("%.0f\n", float64(times*len(shape.Events))/time.Since(began).Seconds())
}

func main() {
	words := append(os.Args[1:], "", "", "", "", "")
	number := func(word string) int {
		value, err := strconv.Atoi(word)
		fail(err)
		return value
	}
	switch words[0] {
	case "worker":
		work(words[1], words[2])
	case "load":
		load(words[1], words[2], number(words[3]), number(words[4]))
	case "history":
		historyOf(words[1], words[2])
	case "replay":
		replay(words[1], number(words[2]))
	case "latency":
		latency(words[1], number(words[2]), number(words[3]))
	default:
		fail(fmt.Errorf("worker, load, history, replay or latency, not %q", words[0]))
	}
}
