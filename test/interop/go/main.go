// Command qf-check verifies a log in the C2SP tlog-tiles layout with the Go team's own packages
// golang.org/x/mod/sumdb/note and tlog: the checkpoint's signature, the inclusion of every entry and
// the consistency with every earlier checkpoint.
//
//	qf-check (-url URL | -dir DIR) -key VKEY [-old FILE]...
//	qf-check -bundle FILE -genesis FILE
//
// The second form verifies a bundle with the records of the state that it proves (spec/bundle.md).
//
// It exits with 0 when everything holds, with 1 when something does not, and with 2 on wrong usage.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

type list []string

func (l *list) String() string     { return strings.Join(*l, " ") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

var origin = flag.String("origin", "", "origin of the log (default: the name of the key)")

func main() {
	var old list
	url := flag.String("url", "", "address of the log; /checkpoint and /tile/ are below it")
	dir := flag.String("dir", "", "folder of the log, instead of -url")
	file := flag.String("bundle", "", "a bundle to verify, instead of a log")
	genesis := flag.String("genesis", "", "with -bundle: the network's genesis document")
	key := flag.String("key", "", "verifier key of the log: name+id+base64")
	flag.Var(&old, "old", "file with an earlier checkpoint; may be repeated")
	flag.Parse()
	if *file != "" && *genesis != "" && flag.NArg() == 0 {
		if err := verifyBundle(*file, *genesis); err != nil {
			fmt.Fprintf(os.Stderr, "REFUSED: %v\n", err)
			os.Exit(1)
		}
		return
	}
	if flag.NArg() != 0 || *key == "" || (*url == "") == (*dir == "") {
		flag.Usage()
		os.Exit(2)
	}
	source := fetcher(dirFetcher(*dir))
	if *url != "" {
		source = httpFetcher(strings.TrimSuffix(*url, "/"))
	}
	if err := run(source, *key, old); err != nil {
		fmt.Fprintf(os.Stderr, "REFUSED: %v\n", err)
		os.Exit(1)
	}
}

func run(source fetcher, key string, old []string) error {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return fmt.Errorf("key: %w", err)
	}
	data, err := source.fetch("checkpoint")
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	head, err := openCheckpoint(data, verifier)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	fmt.Printf("checkpoint: %s, %d entries, root %v: signature good\n", head.origin, head.size,
		head.root)
	log := newLog(source, head)
	if err := log.checkEntries(); err != nil {
		return err
	}
	fmt.Printf("entries: %d of %d included\n", head.size, head.size)
	for _, file := range old {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		earlier, err := openCheckpoint(data, verifier)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if err := log.checkGrowth(earlier); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		fmt.Printf("consistent: %d -> %d\n", earlier.size, head.size)
	}
	fmt.Println("OK")
	return nil
}
