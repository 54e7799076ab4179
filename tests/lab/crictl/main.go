// The lab's own CRI client, in the place of cri-tools' crictl where that can't be fetched.
// kubeadm up to 1.30 does not start without a program of this name. It speaks the real CRI and knows what kubeadm and
// the roles ask for: version, info, pods, ps, images, pull, inspecti, rmi, stop, rm, stopp, rmp (-q, -a, --name, -o json).
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1alpha2"
)

const configuration = "/etc/crictl.yaml"

type client struct {
	cri.RuntimeServiceClient
	images  cri.ImageServiceClient
	context context.Context
}

type object map[string]interface{}

func fail(format string, arguments ...interface{}) {
	fmt.Fprintf(os.Stderr, "FATA "+format+"\n", arguments...)
	os.Exit(1)
}

func check(err error) {
	if err != nil {
		fail("%v", err)
	}
}

func configured(key, fallback string) string {
	text, _ := os.ReadFile(configuration)
	for _, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, key+":") {
			return strings.Trim(strings.TrimSpace(strings.TrimPrefix(line, key+":")), `"'`)
		}
	}
	return fallback
}

func connect(endpoint string, timeout time.Duration) client {
	path := strings.TrimPrefix(endpoint, "unix://")
	background, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	connection, err := grpc.DialContext(background, path, grpc.WithInsecure(), grpc.WithBlock(),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20)),
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", address)
		}))
	if err != nil {
		fail("connect endpoint %s: %v: is the container runtime running?", endpoint, err)
	}
	ctx, _ := context.WithTimeout(context.Background(), timeout) //nolint: the process ends with the call
	return client{cri.NewRuntimeServiceClient(connection), cri.NewImageServiceClient(connection), ctx}
}

func show(value interface{}) {
	text, err := json.MarshalIndent(value, "", "  ")
	check(err)
	fmt.Println(string(text))
}

func (c client) info(_ []string) {
	answer, err := c.Status(c.context, &cri.StatusRequest{Verbose: true})
	check(err)
	conditions := []object{}
	for _, condition := range answer.Status.Conditions {
		conditions = append(conditions, object{
			"type": condition.Type, "status": condition.Status, "reason": condition.Reason, "message": condition.Message})
	}
	show(object{"status": object{"conditions": conditions}})
}

func (c client) version(_ []string) {
	answer, err := c.Version(c.context, &cri.VersionRequest{})
	check(err)
	fmt.Printf("Version:  %s\nRuntimeName:  %s\nRuntimeVersion:  %s\nRuntimeApiVersion:  %s\n",
		answer.Version, answer.RuntimeName, answer.RuntimeVersion, answer.RuntimeApiVersion)
}

type listing struct {
	quiet, all   bool
	name, output string
}

func options(command string, arguments []string) (listing, []string) {
	var chosen listing
	flags := flag.NewFlagSet(command, flag.ExitOnError)
	for _, name := range []string{"q", "quiet"} {
		flags.BoolVar(&chosen.quiet, name, false, "ids only")
	}
	for _, name := range []string{"a", "all"} {
		flags.BoolVar(&chosen.all, name, false, "stopped ones too")
	}
	for _, name := range []string{"o", "output"} {
		flags.StringVar(&chosen.output, name, "table", "table or json")
	}
	flags.StringVar(&chosen.name, "name", "", "name contains")
	force := flags.Bool("f", false, "accepted: removal never asks")
	_ = force
	check(flags.Parse(arguments))
	return chosen, flags.Args()
}

func report(chosen listing, key string, items []object) {
	if chosen.output == "json" {
		show(object{key: items})
		return
	}
	for _, item := range items {
		if chosen.quiet {
			fmt.Println(item["id"])
		} else {
			fmt.Println(item["id"], item["state"], item["title"])
		}
	}
}

func (c client) pods(arguments []string) {
	chosen, _ := options("pods", arguments)
	answer, err := c.ListPodSandbox(c.context, &cri.ListPodSandboxRequest{})
	check(err)
	items := []object{}
	for _, pod := range answer.Items {
		if strings.Contains(pod.Metadata.Name, chosen.name) {
			items = append(items, object{"id": pod.Id, "state": pod.State.String(), "labels": pod.Labels,
				"title": pod.Metadata.Namespace + "/" + pod.Metadata.Name, "createdAt": fmt.Sprint(pod.CreatedAt),
				"metadata": object{"name": pod.Metadata.Name, "namespace": pod.Metadata.Namespace, "uid": pod.Metadata.Uid}})
		}
	}
	report(chosen, "items", items)
}

func (c client) ps(arguments []string) {
	chosen, _ := options("ps", arguments)
	filter := &cri.ContainerFilter{}
	if !chosen.all {
		filter.State = &cri.ContainerStateValue{State: cri.ContainerState_CONTAINER_RUNNING}
	}
	answer, err := c.ListContainers(c.context, &cri.ListContainersRequest{Filter: filter})
	check(err)
	items := []object{}
	for _, container := range answer.Containers {
		if strings.Contains(container.Metadata.Name, chosen.name) {
			items = append(items, object{"id": container.Id, "podSandboxId": container.PodSandboxId, "labels": container.Labels,
				"state": container.State.String(), "imageRef": container.ImageRef, "createdAt": fmt.Sprint(container.CreatedAt),
				"title":    container.Metadata.Name,
				"metadata": object{"name": container.Metadata.Name, "attempt": container.Metadata.Attempt}})
		}
	}
	report(chosen, "containers", items)
}

func (c client) list(arguments []string) {
	chosen, _ := options("images", arguments)
	answer, err := c.images.ListImages(c.context, &cri.ListImagesRequest{})
	check(err)
	items := []object{}
	for _, image := range answer.Images {
		items = append(items, object{"id": image.Id, "repoTags": image.RepoTags, "repoDigests": image.RepoDigests,
			"size": fmt.Sprint(image.Size_), "state": fmt.Sprint(image.Size_), "title": strings.Join(image.RepoTags, " ")})
	}
	report(chosen, "images", items)
}

func (c client) pull(arguments []string) {
	for _, name := range arguments {
		answer, err := c.images.PullImage(c.context, &cri.PullImageRequest{Image: &cri.ImageSpec{Image: name}})
		check(err)
		fmt.Printf("Image is up to date for %s\n", answer.ImageRef)
	}
}

func (c client) inspecti(arguments []string) {
	_, names := options("inspecti", arguments)
	for _, name := range names {
		answer, err := c.images.ImageStatus(c.context, &cri.ImageStatusRequest{Image: &cri.ImageSpec{Image: name}})
		check(err)
		if answer.Image == nil {
			fail("no such image %q present", name)
		}
		show(object{"status": object{"id": answer.Image.Id, "repoTags": answer.Image.RepoTags}})
	}
}

// each returns a command that calls one CRI method for every identifier on the command line.
func each(command string, call func(c client, id string) error) func(client, []string) {
	return func(c client, arguments []string) {
		_, identifiers := options(command, arguments)
		for _, id := range identifiers {
			if err := call(c, id); err != nil {
				fail("%s %s: %v", command, id, err)
			}
			fmt.Println(command, id)
		}
	}
}

var commands = map[string]func(client, []string){
	"info": client.info, "version": client.version, "pods": client.pods, "ps": client.ps, "images": client.list,
	"pull": client.pull, "inspecti": client.inspecti,
	"rmi": each("rmi", func(c client, id string) error {
		_, err := c.images.RemoveImage(c.context, &cri.RemoveImageRequest{Image: &cri.ImageSpec{Image: id}})
		return err
	}),
	"stop": each("stop", func(c client, id string) error {
		_, err := c.StopContainer(c.context, &cri.StopContainerRequest{ContainerId: id, Timeout: 10})
		return err
	}),
	"rm": each("rm", func(c client, id string) error {
		_, err := c.RemoveContainer(c.context, &cri.RemoveContainerRequest{ContainerId: id})
		return err
	}),
	"stopp": each("stopp", func(c client, id string) error {
		_, err := c.StopPodSandbox(c.context, &cri.StopPodSandboxRequest{PodSandboxId: id})
		return err
	}),
	"rmp": each("rmp", func(c client, id string) error {
		_, err := c.RemovePodSandbox(c.context, &cri.RemovePodSandboxRequest{PodSandboxId: id})
		return err
	}),
}

func main() {
	endpoint := configured("runtime-endpoint", "unix:///run/containerd/containerd.sock")
	version := flag.Bool("version", false, "print the version of this program")
	timeout := flag.Duration("t", 2*time.Minute, "how long a call may take")
	for _, name := range []string{"r", "runtime-endpoint"} {
		flag.StringVar(&endpoint, name, endpoint, "socket of the container runtime")
	}
	flag.Parse()
	if *version {
		fmt.Println("crictl version v1.20.0-lab (the lab's own CRI client)")
		return
	}
	run, known := commands[flag.Arg(0)]
	if !known {
		fail("unknown command %q: this is the lab's own CRI client (tests/lab/crictl), it knows no more than it needs", flag.Arg(0))
	}
	run(connect(endpoint, *timeout), flag.Args()[1:])
}
