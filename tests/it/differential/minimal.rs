//! A failing document without what does not matter to its failing.

/// How many smaller documents are tried.
const TRIES: usize = 3000;

/// The smallest text found of which `fails` holds; it holds of `text`.
pub(super) fn minimal(text: &str, mut fails: impl FnMut(&str) -> bool) -> String {
    let mut tries = 0;
    let mut fails = |text: &str| {
        tries += 1;
        tries <= TRIES && fails(text)
    };
    let lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let lines = without(lines, &mut fails);
    let chars = lines.concat().chars().map(String::from).collect();
    without(chars, &mut fails).concat()
}

/// Leaves out ever smaller runs of `pieces`, as long as what is left fails.
fn without(mut pieces: Vec<String>, fails: &mut impl FnMut(&str) -> bool) -> Vec<String> {
    let mut run = pieces.len().next_power_of_two() / 2;
    while run > 0 {
        let mut at = 0;
        while at < pieces.len() {
            let end = (at + run).min(pieces.len());
            let mut fewer = pieces.clone();
            fewer.drain(at..end);
            if fails(&fewer.concat()) {
                pieces = fewer;
            } else {
                at = end;
            }
        }
        run /= 2;
    }
    pieces
}

#[test]
fn what_does_not_matter_is_left_out() {
    let text = "a: b\nc: <d>\n# e\nf: g\n";
    assert_eq!(minimal(text, |text| text.contains("<d>")), "<d>");
}
