// Command kpt is the `fn` part of the real kpt, from its own module. The main program of that module also
// imports one, of its rollouts commands, that no Go proxy has.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/kptdev/kpt/commands/fn"
	"github.com/kptdev/kpt/pkg/lib/errors/resolver"
	"github.com/kptdev/kpt/pkg/printer"
	"github.com/spf13/cobra"
)

const version = "1.0.0-beta.61"

func main() {
	command := &cobra.Command{Use: "kpt", Version: version, SilenceUsage: true, SilenceErrors: true}
	command.PersistentFlags().BoolVar(&printer.TruncateOutput, "truncate-output", true, "")
	ctx := printer.WithContext(context.Background(), printer.New(os.Stdout, os.Stderr))
	command.AddCommand(fn.GetCommand(ctx, "kpt"))
	if err := command.ExecuteContext(ctx); err != nil {
		if known, ok := resolver.ResolveError(err); ok {
			fmt.Fprintln(os.Stderr, known.Message)
			os.Exit(known.ExitCode)
		}
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}
