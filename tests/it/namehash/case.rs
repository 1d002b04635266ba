//! Kustomizations made from a seed, each in two versions: with placeholders, and with the values
//! that the placeholders stand for.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::referrers;

/// A small generator of numbers: the same cases on every machine.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `sides` (splitmix64).
    pub(super) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let sides = u64::try_from(sides).unwrap();
        usize::try_from((mixed ^ (mixed >> 31)) % sides).unwrap()
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.roll(from.len())]
    }
}

/// Which of the two versions is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    Placeholders,
    Values,
}

/// One kustomization, and its secrets.
pub(super) struct Case {
    pub(super) name: String,
    files: Vec<(String, Content)>,
    pub(super) secrets: BTreeMap<String, String>,
    /// How many generated objects hold a placeholder and get a hash.
    pub(super) hashed: usize,
}

/// A file whose text has `⟦KEY⟧` where the key's value belongs.
enum Content {
    Text(String),
    Bytes(Vec<u8>),
}

/// Quotes, HTML, a comment sign, other scripts: what YAML, JSON and base64 each treat in their own way.
const LETTERS: &[&str] = &[
    "a", "b", "7", "Z", "-", "_", ".", " ", "<", ">", "&", "\"", "'", "\\", "#", ":", "=", "é",
    "😀", "{", "]", "%", "|", "/", "@",
];

impl Case {
    /// The `number`-th case.
    pub(super) fn new(number: usize) -> Self {
        let mut maker = Maker {
            dice: Dice::new(number as u64 * 7919 + 1),
            case: Case {
                name: format!("c{number:03}"),
                files: Vec::new(),
                secrets: BTreeMap::new(),
                hashed: 0,
            },
        };
        maker.make(number);
        maker.case
    }

    /// Writes its files below `dir`.
    pub(super) fn write(&self, dir: &Path, version: Version) {
        for (name, content) in &self.files {
            let path = dir.join(&self.name).join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let bytes = match content {
                Content::Text(text) => self.fill(text.as_bytes(), version, name.ends_with("yaml")),
                Content::Bytes(bytes) => self.fill(bytes, version, false),
            };
            fs::write(path, bytes).unwrap();
        }
    }

    fn fill(&self, bytes: &[u8], version: Version, is_json: bool) -> Vec<u8> {
        let mut out = Vec::new();
        let mut rest = bytes;
        let find = |bytes: &[u8], mark: &str| {
            bytes
                .windows(mark.len())
                .position(|part| part == mark.as_bytes())
        };
        while let Some(start) = find(rest, "⟦") {
            let end = find(rest, "⟧").unwrap();
            let key = std::str::from_utf8(&rest[start + "⟦".len()..end]).unwrap();
            out.extend_from_slice(&rest[..start]);
            let text = match version {
                Version::Placeholders => format!("<path:kv/{}#{key}>", self.name),
                Version::Values => self.secrets[key].clone(),
            };
            if is_json {
                let quoted = serde_json::to_string(&text).unwrap();
                out.extend_from_slice(&quoted.as_bytes()[1..quoted.len() - 1]);
            } else {
                out.extend_from_slice(text.as_bytes());
            }
            rest = &rest[end + "⟧".len()..];
        }
        out.extend_from_slice(rest);
        out
    }
}

struct Maker {
    dice: Dice,
    case: Case,
}

impl Maker {
    fn make(&mut self, number: usize) {
        // names that other cases have too, where namespaces keep them apart
        let shared = number.is_multiple_of(3);
        let own = if shared {
            String::new()
        } else {
            format!("-{}", self.case.name)
        };
        let (config, secret) = (format!("cfg{own}"), format!("cred{own}"));
        let mut base = json!({
            "resources": ["objects.yaml"],
            "configMapGenerator": [self.generator("ConfigMap", &config)],
            "secretGenerator": [self.generator("Secret", &secret)],
        });
        for extra in 0..self.dice.roll(3) {
            let (kind, list) = *self.dice.pick(&[
                ("ConfigMap", "configMapGenerator"),
                ("Secret", "secretGenerator"),
            ]);
            let name = format!("more{extra}{own}");
            let generator = self.generator(kind, &name);
            base[list].as_array_mut().unwrap().push(generator);
        }
        if self.dice.one_in(4) {
            base["generatorOptions"] = json!({"labels": {"made": "yes"}, "immutable": true});
        }
        let objects = referrers::objects(&mut self.dice, &config, &secret, shared);
        self.file("base/objects.yaml", objects);
        if !shared && self.dice.one_in(3) {
            self.custom_kind(&mut base, &config, &secret);
        }
        let mut overlay = json!({"resources": ["../base"]});
        if shared || self.dice.one_in(2) {
            overlay["namespace"] = json!(self.case.name);
        }
        if self.dice.one_in(2) {
            base["namePrefix"] = json!(*self.dice.pick(&["p-", "team.", "x"]));
        }
        if self.dice.one_in(3) {
            overlay["namePrefix"] = json!("prod-");
        }
        if self.dice.one_in(3) {
            overlay["nameSuffix"] = json!(*self.dice.pick(&["-s", "-v1", "-4h2mbtbbt6"]));
        }
        if base.get("namePrefix").is_none() && self.dice.one_in(2) {
            self.merge(&mut overlay, &config, &secret);
        }
        if self.dice.one_in(4) {
            let name = format!("part{own}");
            let generator = self.generator("Secret", &name);
            let component = json!({
                "apiVersion": "kustomize.config.k8s.io/v1alpha1",
                "kind": "Component",
                "secretGenerator": [generator],
            });
            self.move_files("base", "component");
            self.file("component/kustomization.yaml", component.to_string());
            overlay["components"] = json!(["../component"]);
        }
        self.file("base/kustomization.yaml", base.to_string());
        self.file("top/kustomization.yaml", overlay.to_string());
    }

    fn file(&mut self, name: &str, text: String) {
        self.case.files.push((name.to_owned(), Content::Text(text)));
    }

    /// The sources of the newest generator belong to another folder.
    fn move_files(&mut self, from: &str, to: &str) {
        let copies: Vec<_> = self
            .case
            .files
            .iter()
            .filter_map(|(name, content)| {
                let rest = name.strip_prefix(&format!("{from}/part"))?;
                let content = match content {
                    Content::Text(text) => Content::Text(text.clone()),
                    Content::Bytes(bytes) => Content::Bytes(bytes.clone()),
                };
                Some((format!("{to}/part{rest}"), content))
            })
            .collect();
        self.case.files.extend(copies);
    }

    /// A new secret, as it is written in a file of the case.
    fn hole(&mut self, lines: bool) -> String {
        let key = format!("k{}", self.case.secrets.len());
        let length = *self.dice.pick(&[1, 8, 30, 60, 200]);
        let mut value = String::from("v");
        for _ in 0..length {
            let letter = if lines && self.dice.one_in(8) {
                &"\n"
            } else {
                self.dice.pick(LETTERS)
            };
            value.push_str(letter);
        }
        value.push('w');
        let value = if lines {
            value.replace(" \n", "\n")
        } else {
            value
        };
        self.case.secrets.insert(key.clone(), value);
        format!("⟦{key}⟧")
    }

    fn generator(&mut self, kind: &str, name: &str) -> Value {
        let mut made = json!({"name": name});
        let mut literals = Vec::new();
        let mut files = Vec::new();
        for number in 0..=self.dice.roll(3) {
            let hole = self.hole(false);
            let text = match self.dice.roll(4) {
                0 => hole,
                1 => format!("postgres://u:{hole}@db/x"),
                2 => format!("a {hole} b {}", self.hole(false)),
                _ => "no secret <b>&amp; 'x'".to_owned(),
            };
            literals.push(json!(format!("l{number}={text}")));
        }
        // at least one
        literals.push(json!(format!("always={}", self.hole(false))));
        if self.dice.one_in(2) {
            let text = format!("top: {}\n\nend:\t{}\n", self.hole(true), self.hole(true));
            let text = if self.dice.one_in(4) {
                text.replace('\n', "\r\n")
            } else {
                text
            };
            self.file(&format!("base/{name}.conf"), text);
            files.push(json!(format!("{name}.conf")));
        }
        if self.dice.one_in(3) {
            let mut text = String::from("# a comment\n");
            for number in 0..2 {
                let hole = self.hole(false);
                writeln!(text, "E{number}={hole}").unwrap();
            }
            self.file(&format!("base/{name}.env"), text);
            made["envs"] = json!([format!("{name}.env")]);
        }
        if self.dice.one_in(3) {
            let mut bytes = vec![0xff, 0, 0xfe];
            if kind == "Secret" {
                bytes.extend_from_slice(self.hole(false).as_bytes());
            }
            let name = format!("{name}.bin");
            files.push(json!(format!("key.bin={name}")));
            self.case
                .files
                .push((format!("base/{name}"), Content::Bytes(bytes)));
        }
        if kind == "Secret" && self.dice.one_in(3) {
            let types = [
                "Opaque",
                "kubernetes.io/tls",
                "kubernetes.io/dockerconfigjson",
                "x.example/y",
            ];
            made["type"] = json!(self.dice.pick(&types));
        }
        made["literals"] = json!(literals);
        made["files"] = json!(files);
        let mut options = json!({});
        if self.dice.one_in(4) {
            options["annotations"] = json!({"note": "a", "github.com/url": "b"});
        }
        if self.dice.one_in(4) {
            options["immutable"] = json!(true);
        }
        if self.dice.one_in(8) {
            options["disableNameSuffixHash"] = json!(true);
        } else {
            self.case.hashed += 1;
        }
        made["options"] = options;
        made
    }

    /// Literals that an overlay adds to, or puts in place of, those of the base.
    fn merge(&mut self, overlay: &mut Value, config: &str, secret: &str) {
        for (list, name) in [("configMapGenerator", config), ("secretGenerator", secret)] {
            let behavior = *self.dice.pick(&["merge", "replace"]);
            let text = format!("merged={}", self.hole(false));
            overlay[list] = json!([{"name": name, "behavior": behavior, "literals": [text]}]);
        }
    }

    /// A kind of somebody's own with name references, and variables, which put names into texts.
    fn custom_kind(&mut self, base: &mut Value, config: &str, secret: &str) {
        let spec = |path: &str| json!({"kind": "Widget", "path": path});
        let rules = json!({"nameReference": [
            {"kind": "ConfigMap", "version": "v1", "fieldSpecs": [spec("spec/config"), spec("spec/list/name")]},
            {"kind": "Secret", "version": "v1", "fieldSpecs": [spec("spec/secret")]},
        ]});
        self.file("base/rules.yaml", rules.to_string());
        base["configurations"] = json!(["rules.yaml"]);
        let case = self.case.name.clone();
        let widget = json!({
            "apiVersion": "x.example/v1", "kind": "Widget", "metadata": {"name": format!("w-{case}")},
            "spec": {"config": config, "secret": secret, "list": [{"name": config}, {"name": "other"}]},
        });
        let job = json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": format!("vars-{case}")},
            "spec": {"template": {"spec": {"containers": [{
                "name": "a",
                "args": [format!("--secret=$(SECRET_{case}):key"), format!("/x/$(CONFIG_{case})/y")],
                "env": [{"name": "A", "value": format!("see \"$(SECRET_{case})\", $(CONFIG_{case})\n")}],
            }]}}},
        });
        self.file("base/more.yaml", format!("{widget}\n---\n{job}\n"));
        base["resources"]
            .as_array_mut()
            .unwrap()
            .push(json!("more.yaml"));
        let var = |name: &str, kind: &str, of: &str| json!({"name": format!("{name}_{case}"), "objref": {"kind": kind, "name": of, "apiVersion": "v1"}});
        base["vars"] = json!([
            var("SECRET", "Secret", secret),
            var("CONFIG", "ConfigMap", config)
        ]);
    }
}
