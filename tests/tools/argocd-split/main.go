// What Argo CD sees of the manifests that a config management plugin prints.
//
// Reads frames from standard input, each the text's length in bytes, a line break and the text, and answers each
// with one line of JSON: {"objects": […]} or {"error": "…"}. The steps are those of Argo CD's own programs,
// called in their order; what is private there is said to be copied here.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/argoproj/argo-cd/gitops-engine/v3/pkg/utils/kube"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

type answer struct {
	Objects []any  `json:"objects"`
	Error   string `json:"error,omitempty"`
}

func main() {
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "argocd-split:", err)
		os.Exit(1)
	}
}

func serve(in io.Reader, out io.Writer) error {
	reader := bufio.NewReaderSize(in, 1<<20)
	writer := bufio.NewWriterSize(out, 1<<20)
	encoder := json.NewEncoder(writer)
	encoder.SetEscapeHTML(false)
	for {
		text, err := frame(reader)
		if errors.Is(err, io.EOF) {
			return writer.Flush()
		}
		if err != nil {
			return err
		}
		objects, err := seen(text)
		if err != nil {
			err = encoder.Encode(answer{Error: err.Error()})
		} else {
			err = encoder.Encode(answer{Objects: objects})
		}
		if err != nil {
			return err
		}
		// whoever waits for this answer before the next question gets it
		if reader.Buffered() == 0 {
			if err := writer.Flush(); err != nil {
				return err
			}
		}
	}
}

// frame reads one text; the end of the input is io.EOF only between frames.
func frame(reader *bufio.Reader) ([]byte, error) {
	line, err := reader.ReadString('\n')
	if err != nil {
		if errors.Is(err, io.EOF) && line != "" {
			return nil, io.ErrUnexpectedEOF
		}
		return nil, err
	}
	length, err := strconv.Atoi(strings.TrimSuffix(line, "\n"))
	if err != nil {
		return nil, err
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(reader, text); err != nil {
		return nil, io.ErrUnexpectedEOF
	}
	return text, nil
}

// seen is what the controller compares with the cluster.
func seen(text []byte) ([]any, error) {
	// cmpserver/plugin/plugin.go, generateManifest
	manifests, err := kube.SplitYAMLToString(text)
	if err != nil {
		return nil, err
	}
	// reposerver/repository/repository.go, runConfigManagementPluginSidecars
	var objects []*unstructured.Unstructured
	for _, manifest := range manifests {
		found, err := kube.SplitYAML([]byte(manifest))
		if err != nil {
			return nil, err
		}
		objects = append(objects, found...)
	}
	// there, GenerateManifests
	var targets []*unstructured.Unstructured
	for _, object := range objects {
		switch {
		case object == nil:
		case object.IsList():
			err := object.EachListItem(func(item runtime.Object) error {
				target, ok := item.(*unstructured.Unstructured)
				if !ok {
					return errors.New("resource list item has unexpected type")
				}
				targets = append(targets, target)
				return nil
			})
			if err != nil {
				return nil, err
			}
		case isNullList(object):
		default:
			targets = append(targets, object)
		}
	}
	all := make([]any, 0, len(targets))
	for _, target := range targets {
		manifest, err := json.Marshal(target.Object)
		if err != nil {
			return nil, err
		}
		// pkg/apis/application/v1alpha1/types.go, UnmarshalToUnstructured
		var object unstructured.Unstructured
		if err := json.Unmarshal(manifest, &object); err != nil {
			return nil, err
		}
		all = append(all, object.Object)
	}
	return all, nil
}

// isNullList is a copy of the private function of that name in reposerver/repository/repository.go.
func isNullList(object *unstructured.Unstructured) bool {
	if _, ok := object.Object["spec"]; ok {
		return false
	}
	if _, ok := object.Object["status"]; ok {
		return false
	}
	items, ok := object.Object["items"]
	return ok && items == nil
}
