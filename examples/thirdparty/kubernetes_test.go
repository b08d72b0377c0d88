package thirdparty

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	strict "sigs.k8s.io/yaml"
)

// TestKubernetes: docs/kubernetes.yaml has no field that Kubernetes does not know, and
// says what docs/kubernetes.md explains.
func TestKubernetes(t *testing.T) {
	text, err := os.ReadFile("../../docs/kubernetes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var deployment appsv1.Deployment
	var service corev1.Service
	var budget policyv1.PodDisruptionBudget
	kinds := map[string]any{"Deployment": &deployment, "Service": &service, "PodDisruptionBudget": &budget}
	documents := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		one, err := documents.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		var meta metav1.TypeMeta
		if err := strict.Unmarshal(one, &meta); err != nil {
			t.Fatal(err)
		}
		object := kinds[meta.Kind]
		if object == nil {
			t.Fatalf("a document has the kind %q, which is not expected or comes twice", meta.Kind)
		}
		delete(kinds, meta.Kind)
		if err := strict.UnmarshalStrict(one, object); err != nil {
			t.Errorf("%s: %v", meta.Kind, err)
		}
	}
	for kind := range kinds {
		t.Errorf("there is no %s", kind)
	}
	if t.Failed() {
		return
	}

	pod := deployment.Spec.Template
	main := pod.Spec.Containers[0]
	path := func(p *corev1.Probe) string {
		if p == nil || p.HTTPGet == nil {
			return ""
		}
		return p.HTTPGet.Path
	}
	for _, c := range []struct{ what, got, want string }{
		{"readiness", path(main.ReadinessProbe), "/readyz"},
		{"startup", path(main.StartupProbe), "/livez"},
		{"liveness", path(main.LivenessProbe), "/livez"},
		{"the Service's selector", service.Spec.Selector["app"], pod.Labels["app"]},
		{"the budget's selector", budget.Spec.Selector.MatchLabels["app"], pod.Labels["app"]},
		{"the Deployment's selector", deployment.Spec.Selector.MatchLabels["app"], pod.Labels["app"]},
	} {
		if c.got != c.want || c.got == "" {
			t.Errorf("%s = %q, want %q", c.what, c.got, c.want)
		}
	}
	sleep := main.Lifecycle.PreStop.Sleep
	if grace := pod.Spec.TerminationGracePeriodSeconds; grace == nil || sleep == nil || *grace <= sleep.Seconds {
		t.Error("the grace period does not outlast preStop")
	}
	if max := deployment.Spec.Strategy.RollingUpdate.MaxUnavailable; max == nil || max.String() != "0" {
		t.Errorf("maxUnavailable = %v, want 0: old replicas have the keys", max)
	}
}
