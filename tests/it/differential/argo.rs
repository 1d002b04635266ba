//! Argo CD's own reader, as a process that answers.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::thread;

use serde::Deserialize;
use serde_json::Value as Json;

use crate::support::{clean, tool};

/// What Argo CD makes of one output: its objects, or why it takes none.
pub(super) type Seen = Result<Vec<Json>, String>;

/// `tests/tools/argocd-split`, which runs until this is dropped.
pub(super) struct Argo {
    child: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

#[derive(Deserialize)]
struct Answer {
    objects: Option<Vec<Json>>,
    error: Option<String>,
}

impl Argo {
    /// `None` after a skip.
    #[track_caller]
    pub(super) fn start() -> Option<Self> {
        let mut child = clean(tool("argocd-split")?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let questions = child.stdin.take();
        Some(Self {
            child,
            questions,
            answers,
        })
    }

    /// What it sees of each text.
    pub(super) fn sees_all<T: AsRef<str> + Sync>(&mut self, texts: &[T]) -> Vec<Seen> {
        let questions = self.questions.as_mut().unwrap();
        let answers = &mut self.answers;
        thread::scope(|scope| {
            scope.spawn(move || {
                let mut frames = Vec::new();
                for text in texts {
                    let text = text.as_ref();
                    frames.extend_from_slice(format!("{}\n{text}", text.len()).as_bytes());
                }
                questions.write_all(&frames).unwrap();
                questions.flush().unwrap();
            });
            texts.iter().map(|_| answer(answers)).collect()
        })
    }

    /// What it sees of one text.
    pub(super) fn sees(&mut self, text: &str) -> Seen {
        self.sees_all(&[text]).remove(0)
    }
}

fn answer(answers: &mut impl BufRead) -> Seen {
    let mut line = String::new();
    answers.read_line(&mut line).unwrap();
    let answer: Answer = serde_json::from_str(&line)
        .unwrap_or_else(|error| panic!("argocd-split has ended or babbles: {error}: {line}"));
    match answer.error {
        Some(error) => Err(error),
        None => Ok(answer.objects.unwrap_or_default()),
    }
}

impl Drop for Argo {
    fn drop(&mut self) {
        drop(self.questions.take());
        let _ = self.child.wait();
    }
}
