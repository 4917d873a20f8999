//! `kehu keys`

use std::io::Write;

use anyhow::Context;
use kehu_store::crypto::kek::new_key_text;

use crate::Failed;
use crate::config::Keys;

/// Runs the command.
pub(crate) fn run(keys: &Keys) -> Result<(), Failed> {
    match keys {
        Keys::New => {
            let text = new_key_text().context("no key could be made")?;
            writeln!(std::io::stdout(), "{}", text.as_str()).context("the key could not be printed")?;
            Ok(())
        }
    }
}
