package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// begun answers when it was called, so that the starter sees when the first activity began.
func begun(context.Context, int) (int64, error) { return time.Now().UnixNano(), nil }

func timed(ctx workflow.Context) (int64, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	var first int64
	for i := range steps {
		var at int64
		if err := workflow.ExecuteActivity(ctx, begun, i).Get(ctx, &at); err != nil {
			return 0, err
		}
		if i == 0 {
			first = at
		}
	}
	return first, nil
}

func percentile(values []float64, share float64) float64 {
	sort.Float64s(values)
	return values[int(share*float64(len(values)-1))]
}

func latency(address string, runs, at int) {
	const queue = "bench-latency"
	connected := connect(address)
	working := worker.New(connected, queue, worker.Options{})
	working.RegisterWorkflow(timed)
	working.RegisterActivity(begun)
	fail(working.Start())
	first, whole := make([]float64, runs), make([]float64, runs)
	one := func(number int) {
		asked := time.Now()
		options := client.StartWorkflowOptions{ID: fmt.Sprintf("timed-%d-%d", asked.UnixNano(), number), TaskQueue: queue}
		started, err := connected.ExecuteWorkflow(context.Background(), options, timed)
		fail(err)
		var when int64
		fail(started.Get(context.Background(), &when))
		first[number] = float64(when-asked.UnixNano()) / 1e6
		whole[number] = float64(time.Since(asked).Nanoseconds()) / 1e6
	}
	one(0) // what is made once is not measured
	numbers := make(chan int)
	var group sync.WaitGroup
	began := time.Now()
	for range at {
		group.Add(1)
		go func() {
			defer group.Done()
			for number := range numbers {
				one(number)
			}
		}()
	}
	for number := range runs {
		numbers <- number
	}
	close(numbers)
	group.Wait()
	took := time.Since(began).Seconds()
	fail(json.NewEncoder(os.Stdout).Encode(map[string]float64{
		"runs_per_s": float64(runs) / took, "first_p50_ms": percentile(first, 0.5), "first_p99_ms": percentile(first, 0.99),
		"run_p50_ms": percentile(whole, 0.5)}))
}
