//! What the index of the text search holds, and is asked for; `bench/search_index.py` measures both engines with it.
//!
//! Reads a name a line, with a remark behind a tab, and writes the tokens of the name's parts, those of the whole
//! document, and its text, with tabs between. With `words` it reads what somebody typed, a word a line, and writes the
//! word, normalised, and its two conditions for each engine: that a text holds it, and that a name sounds so.

use std::io::{BufRead as _, Write as _};

use kehu_domain::text::{document::Document, tokens, words::words};

fn main() -> std::io::Result<()> {
    let asks = std::env::args().any(|argument| argument == "words");
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        if asks {
            for word in words(&line) {
                let held = (tokens::fts5_match(&word.terms), tokens::tsquery(&word.terms));
                let sounds = (tokens::fts5_any(&word.sounds), tokens::tsquery_any(&word.sounds));
                let parts = [held.0, sounds.0, held.1, sounds.1].map(Option::unwrap_or_default);
                writeln!(out, "{}\t{}", word.text, parts.join("\t"))?;
            }
            continue;
        }
        let (name, remark) = line.split_once('\t').unwrap_or((&line, ""));
        let document = Document::of([("name", name), ("remark", remark)]);
        let parts = tokens::index_text(name);
        writeln!(out, "{parts}\t{}\t{}", document.tokens().join(" "), document.text())?;
    }
    out.flush()
}
