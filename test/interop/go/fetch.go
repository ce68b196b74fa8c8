package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// A fetcher reads a file of the log by its path from the log's root.
type fetcher interface {
	fetch(path string) ([]byte, error)
}

type dirFetcher string

func (d dirFetcher) fetch(path string) ([]byte, error) {
	return os.ReadFile(filepath.Join(string(d), filepath.FromSlash(path)))
}

type httpFetcher string

var client = &http.Client{Timeout: 30 * time.Second}

// 256 entries of the greatest size that two bytes can say.
const fileSizeMax = 256 * (2 + 65535)

func (h httpFetcher) fetch(path string) ([]byte, error) {
	answer, err := client.Get(string(h) + "/" + path)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", path, answer.Status)
	}
	data, err := io.ReadAll(io.LimitReader(answer.Body, fileSizeMax+1))
	if err == nil && len(data) > fileSizeMax {
		err = fmt.Errorf("%s: more than %d bytes", path, fileSizeMax)
	}
	return data, err
}
