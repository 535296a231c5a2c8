// A client-go informer of ConfigMaps, by LIST and WATCH or (KUBE_FEATURE_WatchListClient=true) by
// WATCH alone. For each line of its input it prints what it holds, {"held": {"name": "resourceVersion"}, ...}, and
// how many changes it was told.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

func main() {
	client := kubernetes.NewForConfigOrDie(&rest.Config{Host: os.Args[1]})
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(os.Args[2]))
	informer := factory.Core().V1().ConfigMaps().Informer()
	var events atomic.Int64
	informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { events.Add(1) },
		UpdateFunc: func(any, any) { events.Add(1) },
		DeleteFunc: func(any) { events.Add(1) },
	})
	stop := make(chan struct{})
	factory.Start(stop)
	factory.WaitForCacheSync(stop)
	fmt.Println("synced")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		held := map[string]string{}
		for _, o := range informer.GetStore().List() {
			m := o.(*corev1.ConfigMap)
			held[m.Name] = m.ResourceVersion
		}
		json.NewEncoder(os.Stdout).Encode(map[string]any{"held": held, "events": events.Load()})
	}
}
