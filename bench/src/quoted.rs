//! Numbers that READMEs quote: written into them by the run that measured them, so that they say what results.md says.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

/// Where the texts with places for numbers are; each is named like the file that it is for.
const TEXTS: &str = "bench/quoted";
const BEGIN: &str = "<!-- measured -->\n";
const END: &str = "<!-- /measured -->";

/// Writes numbers into the READMEs of the folder, between their marks.
///
/// # Errors
/// A README has no marks, or a text has a place for a number that nobody measures.
pub(crate) fn write(folder: &Path, numbers: &BTreeMap<String, String>) -> Result<()> {
    for name in ["README.md", "README.zh-CN.md"] {
        let (text, path) = (folder.join(TEXTS).join(name), folder.join(name));
        let text = std::fs::read_to_string(&text).with_context(|| text.display().to_string())?;
        let readme = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let filled = filled(&text, numbers).and_then(|filled| replaced(&readme, &filled));
        std::fs::write(&path, filled.with_context(|| name.to_owned())?)?;
    }
    Ok(())
}

/// The text with a number in each of its places.
fn filled(text: &str, numbers: &BTreeMap<String, String>) -> Result<String> {
    let mut parts = text.split('{');
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}').context("a place is not closed")?;
        let Some(number) = numbers.get(name) else { bail!("{name} was not measured") };
        filled.push_str(number);
        filled.push_str(rest);
    }
    Ok(filled)
}

/// The README with that text between its marks.
fn replaced(readme: &str, text: &str) -> Result<String> {
    let (before, rest) = readme.split_once(BEGIN).context("there is no mark")?;
    let (_, after) = rest.split_once(END).context("the mark is not closed")?;
    Ok(format!("{before}{BEGIN}{text}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_in_their_places() {
        let numbers = BTreeMap::from([("a.b".to_owned(), "1.5".to_owned())]);
        assert_eq!(filled("x {a.b} y {a.b}\n", &numbers).unwrap(), "x 1.5 y 1.5\n");
        assert!(filled("{c}", &numbers).unwrap_err().to_string().contains("c was not measured"));
    }

    #[test]
    fn only_what_stands_between_the_marks_changes() {
        let readme = "a\n<!-- measured -->\nold\n<!-- /measured -->\nb\n";
        assert_eq!(replaced(readme, "new\n").unwrap(), "a\n<!-- measured -->\nnew\n<!-- /measured -->\nb\n");
        assert!(replaced("a\n", "new\n").is_err());
    }
}
