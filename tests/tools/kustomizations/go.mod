// Modules whose kustomizations and manifests the tests read; nothing is compiled of them.
module gitops-fn.dev/tools/kustomizations

go 1.24

require (
	github.com/argoproj/argo-cd/v3 v3.6.1
	github.com/argoproj/argo-rollouts v1.10.2
	github.com/cert-manager/cert-manager v1.21.2
	github.com/external-secrets/external-secrets v1.3.2
	github.com/fluxcd/kustomize-controller v1.10.1
	github.com/fluxcd/source-controller v1.10.1
	github.com/kubernetes-csi/external-snapshotter/v8 v8.7.0
	github.com/prometheus-operator/prometheus-operator v0.85.0
	sigs.k8s.io/cluster-api v1.14.2
	sigs.k8s.io/external-dns v0.23.0
	sigs.k8s.io/kueue v0.17.0
	sigs.k8s.io/kustomize v2.0.3+incompatible
	sigs.k8s.io/kustomize/api v0.21.3
	sigs.k8s.io/kustomize/kyaml v0.21.3
	sigs.k8s.io/metrics-server v0.9.0
)
