//! Manifests as kustomize emits them, the same on every run.

use std::fmt::Write;

/// What a stream is made of.
#[derive(Clone, Copy)]
pub(crate) struct Mix {
    /// How long it gets, about.
    pub(crate) bytes: usize,
    /// How many placeholders it holds, evenly spread over its Deployments.
    pub(crate) placeholders: usize,
    /// Whether it holds Secrets.
    pub(crate) secrets: bool,
}

impl Mix {
    /// A stream of Deployments, Services, config maps with long literals, CRDs and Secrets.
    pub(crate) fn stream(self) -> String {
        // one group of objects is about this long, so this many make the stream
        let groups = (self.bytes / self.group(0, 1).len()).max(1);
        let mut stream = String::with_capacity(self.bytes + self.bytes / 8);
        for i in 0..groups {
            let placeholders =
                (i + 1) * self.placeholders / groups - i * self.placeholders / groups;
            stream.push_str(&self.group(i, placeholders));
        }
        stream
    }

    fn group(self, i: usize, placeholders: usize) -> String {
        let mut group = deployment(i, placeholders) + &service(i) + &config_map(i) + &crd(i);
        if self.secrets {
            group.push_str(&secret(i));
        }
        group
    }
}

/// `count` Deployments of about 610 bytes, one container each.
pub(crate) fn deployments(count: usize) -> String {
    let mut stream = String::with_capacity(count * 620);
    for i in 0..count {
        let _ = write!(
            stream,
            "\
apiVersion: apps/v1
kind: Deployment
metadata:
  labels:
    app.kubernetes.io/name: web-{i}
    app.kubernetes.io/part-of: shop
  name: web-{i}
  namespace: shop-{space}
spec:
  replicas: 2
  selector:
    matchLabels:
      app.kubernetes.io/name: web-{i}
  template:
    metadata:
      labels:
        app.kubernetes.io/name: web-{i}
    spec:
      containers:
      - env:
        - name: LOG_LEVEL
          value: info
        image: nginx:1.27.3
        name: web
        ports:
        - containerPort: 8080
        resources:
          limits:
            memory: 128Mi
---
",
            space = i % 40
        );
    }
    stream
}

fn deployment(i: usize, placeholders: usize) -> String {
    let mut env = String::new();
    for n in 0..placeholders {
        let _ = write!(
            env,
            "        - name: PASSWORD_{n}\n          value: <path:kv/shop/web#password>\n"
        );
    }
    format!(
        "\
apiVersion: apps/v1
kind: Deployment
metadata:
  annotations:
    prometheus.io/port: \"8080\"
    prometheus.io/scrape: \"true\"
  labels:
    app.kubernetes.io/instance: shop
    app.kubernetes.io/name: web-{i}
  name: web-{i}
  namespace: shop
spec:
  replicas: 3
  selector:
    matchLabels:
      app.kubernetes.io/name: web-{i}
  template:
    metadata:
      labels:
        app.kubernetes.io/name: web-{i}
    spec:
      containers:
      - args:
        - --listen=:8080
        - --config=/etc/web/config.yaml
        env:
        - name: LOG_LEVEL
          value: info
        - name: POD_NAME
          valueFrom:
            fieldRef:
              fieldPath: metadata.name
{env}        image: nginx:1.27.3
        livenessProbe:
          httpGet:
            path: /healthz
            port: 8080
          periodSeconds: 10
        name: web
        volumeMounts:
        - mountPath: /etc/web
          name: config
      serviceAccountName: web
      volumes:
      - configMap:
          name: web-{i}
        name: config
---
"
    )
}

fn service(i: usize) -> String {
    format!(
        "\
apiVersion: v1
kind: Service
metadata:
  name: web-{i}
  namespace: shop
spec:
  ports:
  - name: http
    port: 80
    targetPort: 8080
  selector:
    app.kubernetes.io/name: web-{i}
---
"
    )
}

fn config_map(i: usize) -> String {
    let mut lines = String::new();
    for n in 0..16 {
        let _ = writeln!(
            lines,
            "    location /api/v{n}/ {{ proxy_pass http://backend-{i}:{port}; }} # \"route\" {n}",
            port = 8000 + n
        );
    }
    format!(
        "\
apiVersion: v1
data:
  config.yaml: |
    # how web-{i} is served
    server:
      listen: 0.0.0.0:8080
{lines}  mode: production
kind: ConfigMap
metadata:
  name: web-{i}
  namespace: shop
---
"
    )
}

fn crd(i: usize) -> String {
    let mut fields = String::new();
    for n in 0..5 {
        let _ = write!(
            fields,
            "              field{n}:
                description: The part numbered {n} of a widget, as its owner wants it to be;
                  it is left alone where it is empty.
                minLength: 1
                type: string
"
        );
    }
    format!(
        "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: widget{i}s.shop.example
spec:
  group: shop.example
  names:
    kind: Widget{i}
    plural: widget{i}s
  scope: Namespaced
  versions:
  - name: v1
    schema:
      openAPIV3Schema:
        properties:
          spec:
            properties:
{fields}            type: object
        type: object
    served: true
    storage: true
---
"
    )
}

fn secret(i: usize) -> String {
    format!(
        "\
apiVersion: v1
data:
  token: bm90LXJlYWxseS1hLXNlY3JldC1idXQtbG9uZy1lbm91Z2gtdG8tYmUtd3JhcHBlZC1v
    dmVyLXR3by1saW5lcw==
  user: d2Vi
kind: Secret
metadata:
  name: web-{i}
  namespace: shop
type: Opaque
---
"
    )
}

/// A resource list of three objects, as kustomize sends it, with all that the function can do.
pub(crate) const RESOURCE_LIST: &str = "\
apiVersion: config.kubernetes.io/v1
kind: ResourceList
items:
- apiVersion: v1
  data:
    password: PHBhdGg6a3Yvc2hvcC93ZWIjcGFzc3dvcmQ+
  kind: Secret
  metadata:
    name: web
    annotations:
      internal.config.kubernetes.io/needsHashSuffix: enabled
  type: Opaque
- apiVersion: v1
  kind: Service
  metadata:
    name: web
  spec:
    ports:
    - port: 80
- apiVersion: apps/v1
  kind: Deployment
  metadata:
    name: web
  spec:
    template:
      spec:
        containers:
        - image: nginx:1.27.3
          name: web
functionConfig:
  apiVersion: gitops-fn.dev/v1alpha1
  kind: Release
  metadata:
    name: release
    annotations:
      config.kubernetes.io/local-config: 'true'
  spec:
    repository:
      url: acme/shop
    images:
    - name: nginx
      newTag: \"2\"
";
