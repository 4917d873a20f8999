//! What the index of the text search holds of names: reads a name a line, with a remark behind a tab, and writes the
//! tokens of its parts, of its whole document, and the text of it, with tabs between. `bench/search_index.py` measures
//! both engines with them.

use std::io::{BufRead as _, Write as _};

use kehu_domain::text::{document::Document, tokens};

fn main() -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (name, remark) = line.split_once('\t').unwrap_or((&line, ""));
        let document = Document::of([("name", name), ("remark", remark)]);
        let parts = tokens::index_text(name);
        writeln!(out, "{parts}\t{}\t{}", document.tokens().join(" "), document.text())?;
    }
    out.flush()
}
