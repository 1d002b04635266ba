//! Tests `examples/argocd`, the folder that an operator copies. Each file is read by the program that will read it, or
//! checked against that program's types.

use std::fs;
use std::path::{Path, PathBuf};

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::support::{clean, documents, kustomize_build, root, run, skip, temp_dir, write_files};

fn folder() -> PathBuf {
    root().join("examples/argocd")
}

fn read(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap()
}

/// The one object in a file, as JSON.
fn object(name: &str) -> Value {
    let documents = documents(&read(name));
    assert_eq!(documents.len(), 1, "{name}");
    serde_json::to_value(&documents[0]).unwrap()
}

/// The part of Argo CD's own manifest of the repo-server that the sidecar needs.
const REPO_SERVER: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: argocd-repo-server
spec:
  selector:
    matchLabels: {app.kubernetes.io/name: argocd-repo-server}
  template:
    metadata:
      labels: {app.kubernetes.io/name: argocd-repo-server}
    spec:
      serviceAccountName: argocd-repo-server
      automountServiceAccountToken: false
      containers:
      - {name: argocd-repo-server, image: argocd}
      volumes:
      - {name: var-files, emptyDir: {}}
      - {name: plugins, emptyDir: {}}
      - {name: tmp, emptyDir: {}}
";

/// The objects of Argo CD's kustomization with the folder as a component; `None` after a skip.
#[track_caller]
fn installed() -> Option<Vec<Value>> {
    let place = temp_dir();
    write_files(
        place.path(),
        &[
            (
                "kustomization.yaml",
                "namespace: argocd\nresources: [repo-server.yaml]\ncomponents: [gitops-fn]\n",
            ),
            ("repo-server.yaml", REPO_SERVER),
        ],
    );
    copy(&folder(), &place.path().join("gitops-fn"));
    let output = kustomize_build(place.path(), &[], &[])?.success();
    let objects = documents(output.text());
    Some(
        objects
            .iter()
            .map(|object| serde_json::to_value(object).unwrap())
            .collect(),
    )
}

fn copy(from: &Path, to: &Path) {
    run(clean("cp").arg("-r").arg(from).arg(to), "").success();
}

/// Parses an object as a Kubernetes type; a field that the type does not know is an error.
#[track_caller]
fn typed<T: DeserializeOwned + Serialize>(object: &Value) -> T {
    let typed: T = serde_json::from_value(object.clone()).unwrap();
    assert_eq!(&serde_json::to_value(&typed).unwrap(), object);
    typed
}

#[test]
fn the_folder_is_a_component_of_argo_cds_own_kustomization() {
    let Some(objects) = installed() else { return };
    let of = |kind: &str| -> &Value {
        let mut found = objects.iter().filter(|object| object["kind"] == kind);
        let object = found.next().unwrap_or_else(|| panic!("no {kind}"));
        assert!(found.next().is_none(), "one {kind}");
        object
    };
    let deployment: Deployment = typed(of("Deployment"));
    let policy: ConfigMap = typed(of("ConfigMap"));
    let _: NetworkPolicy = typed(of("NetworkPolicy"));
    assert_eq!(objects.len(), 3);
    for object in &objects {
        assert_eq!(object["metadata"]["namespace"], "argocd", "{object}");
    }

    let pod = deployment.spec.template.spec.unwrap();
    assert_eq!(pod.automount_service_account_token, Some(false));
    assert_eq!(pod.containers.len(), 2);
    let sidecar = pod.containers.iter().find(|one| one.name == "gitops-fn");
    let sidecar = sidecar.unwrap();
    let security = sidecar.security_context.as_ref().unwrap();
    assert_eq!(security.run_as_user, Some(999));
    assert_eq!(security.read_only_root_filesystem, Some(true));
    assert_eq!(security.allow_privilege_escalation, Some(false));

    // every mount has its volume, and the policy is the ConfigMap of this build
    let volumes = pod.volumes.unwrap();
    for mount in sidecar.volume_mounts.as_ref().unwrap() {
        let volume = volumes.iter().find(|volume| volume.name == mount.name);
        let volume = volume.unwrap_or_else(|| panic!("no volume {}", mount.name));
        if mount.mount_path == "/etc/gitops-fn" {
            let map = volume.config_map.as_ref().unwrap();
            assert_eq!(map.name, policy.metadata.name.clone().unwrap());
            assert!(map.items.as_ref().unwrap()[0].path == "policy.yaml");
        }
        // what is named in the policy is what is mounted
        if let Some(projected) = &volume.projected {
            let token = projected.sources.as_ref().unwrap()[0]
                .service_account_token
                .as_ref();
            let token = token.unwrap();
            assert_eq!(token.audience.as_deref(), Some("vault"));
            let file = format!("jwtFile: {}/{}\n", mount.mount_path, token.path);
            assert!(read("policy.yaml").contains(&file), "{file}");
        }
    }
    assert_eq!(
        policy.data.unwrap()["policy.yaml"],
        read("policy.yaml"),
        "the policy as it stands in the folder"
    );
}

/// The schema of a kind from Argo CD's own definitions, in the version that the tests use, changed to reject unknown
/// fields. `None` after a skip.
#[track_caller]
fn schema(file: &str) -> Option<Value> {
    let output = clean("go")
        .args(["mod", "download", "-json", "github.com/argoproj/argo-cd/v3"])
        .current_dir(root().join("tests/tools/argocd"))
        .env("GOFLAGS", "-mod=mod")
        .env("GOWORK", "off")
        .output();
    let Ok(output) = output else {
        skip("no Go to fetch Argo CD's definitions with");
        return None;
    };
    let module: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let Some(folder) = module["Dir"].as_str() else {
        skip("Argo CD's definitions could not be fetched");
        return None;
    };
    let crd = fs::read_to_string(Path::new(folder).join("manifests/crds").join(file)).unwrap();
    let crd = serde_json::to_value(&documents(&crd)[0]).unwrap();
    let mut schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone();
    schema["properties"]["metadata"] = json!({
        "type": "object",
        "properties": {"name": {"type": "string"}, "namespace": {"type": "string"}},
    });
    close(&mut schema);
    Some(schema)
}

/// Makes a schema reject unknown fields in every map with known fields.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if map.contains_key("properties") && !map.contains_key("additionalProperties") {
                map.insert("additionalProperties".into(), json!(false));
            }
            map.values_mut().for_each(close);
        }
        Value::Array(list) => list.iter_mut().for_each(close),
        _ => {}
    }
}

/// Lists where `value` violates `schema`: wrong types, missing required fields and unknown fields.
fn problems(schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    if schema["x-kubernetes-int-or-string"] == true {
        return;
    }
    let is = match value {
        Value::Object(_) => "object",
        Value::Array(_) => "array",
        Value::String(_) => "string",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::Null => "null",
    };
    if schema["type"].as_str().is_some_and(|wanted| wanted != is) {
        found.push(format!("{path}: {is} instead of {}", schema["type"]));
    }
    for required in schema["required"].as_array().into_iter().flatten() {
        if value.get(required.as_str().unwrap()).is_none() {
            found.push(format!("{path}: no {required}"));
        }
    }
    let none = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&none);
    for (key, value) in value.as_object().unwrap_or(&none) {
        let path = format!("{path}.{key}");
        match properties.get(key) {
            Some(schema) => problems(schema, value, &path, found),
            None if schema["additionalProperties"] == false => {
                found.push(format!("{path}: unknown"));
            }
            None => problems(&schema["additionalProperties"], value, &path, found),
        }
    }
    for value in value.as_array().into_iter().flatten() {
        problems(&schema["items"], value, &format!("{path}[]"), found);
    }
}

#[test]
fn what_tenants_get_keeps_to_argo_cds_definitions() {
    for (file, definition) in [
        ("tenants/project.yaml", "appproject-crd.yaml"),
        ("tenants/application.yaml", "application-crd.yaml"),
        ("tenants/applicationset.yaml", "applicationset-crd.yaml"),
    ] {
        let Some(schema) = schema(definition) else {
            return;
        };
        let object = object(file);
        let mut found = Vec::new();
        problems(&schema, &object, file, &mut found);
        assert_eq!(found, Vec::<String>::new());
        // the check itself
        let mut wrong = object;
        wrong["spec"]["wrong"] = json!(1);
        problems(&schema, &wrong, file, &mut found);
        assert_eq!(found, [format!("{file}.spec.wrong: unknown")]);
    }
}

#[test]
fn both_applications_stay_inside_the_project() {
    let project = object("tenants/project.yaml");
    let destination = &project["spec"]["destinations"][0];
    let prefix = |pattern: &Value| pattern.as_str().unwrap().trim_end_matches('*').to_owned();
    let application = object("tenants/application.yaml")["spec"].clone();
    let set = object("tenants/applicationset.yaml")["spec"]["template"]["spec"].clone();
    for spec in [application, set] {
        assert_eq!(spec["project"], project["metadata"]["name"]);
        assert_eq!(spec["destination"]["server"], destination["server"]);
        for (value, pattern) in [
            (&spec["destination"]["namespace"], &destination["namespace"]),
            (
                &spec["source"]["repoURL"],
                &project["spec"]["sourceRepos"][0],
            ),
        ] {
            assert!(
                value.as_str().unwrap().starts_with(&prefix(pattern)),
                "{value} {pattern}"
            );
        }
        assert_eq!(spec["source"]["plugin"]["name"], "avp-kustomize");
    }
}

#[test]
fn the_plugin_names_are_what_the_pages_say() {
    let plugin = object("plugin.yaml");
    assert_eq!(plugin["metadata"]["name"], "avp-kustomize");
    assert_eq!(
        plugin["spec"]["generate"]["command"],
        json!(["gitops-fn", "build"])
    );
    let single = read("plugin-single-tenant.yaml");
    assert!(single.starts_with("# WARNING: "), "the warning comes first");
    assert_eq!(
        object("plugin-single-tenant.yaml")["spec"]["generate"]["command"],
        json!([
            "kustomize",
            "build",
            "--enable-alpha-plugins",
            "--enable-exec"
        ])
    );
}

/// The output of `gitops-fn policy test` for a policy in the folder and an Application of `project`.
fn judge(policy: &str, project: &str, paths: &[&str]) -> crate::support::Output {
    run(
        crate::support::gitops_fn()
            .args(["policy", "test", "--project", project, "--app", "web"])
            .args(["--namespace", &format!("{project}-prod"), "--policy"])
            .arg(folder().join(policy))
            .args(paths),
        "",
    )
}

#[test]
fn the_policy_keeps_two_tenants_apart() {
    for (project, other) in [("shop", "billing"), ("billing", "shop")] {
        let own = format!("kv/{project}/{project}-prod/web");
        judge(
            "policy.yaml",
            project,
            &[&own, &format!("kv/data/{project}/common")],
        )
        .success();
        let theirs = format!("kv/{other}/{other}-prod/web");
        let output = judge("policy.yaml", project, &[&theirs]).code(1);
        assert!(output.text().contains("DENIED"), "{}", output.text());
    }
    judge(
        "policy.yaml",
        "warehouse",
        &["kv/warehouse/warehouse-prod/web"],
    )
    .code(1);
}

#[test]
fn the_commands_of_the_pages_work() {
    // what the policy's own comment says to ask
    let text = read("policy.yaml");
    let command = text
        .lines()
        .find_map(|line| line.strip_prefix("#   gitops-fn "))
        .unwrap();
    let ask = |words: &str| {
        run(
            crate::support::gitops_fn()
                .args(words.split(' '))
                .current_dir(folder()),
            "",
        )
    };
    ask(command).code(1);
    let page = crate::docs::page("docs/argocd.md");
    let command = page.split("`gitops-fn policy test").nth(1).unwrap();
    ask(&format!(
        "policy test{}",
        command.split('`').next().unwrap()
    ))
    .success();
}

#[test]
fn the_policy_of_the_image_allows_nothing() {
    let output = judge("image/policy.yaml", "shop", &["kv/shop/shop-prod/web"]).code(1);
    assert!(!output.text().contains("ALLOWED"), "{}", output.text());
}
