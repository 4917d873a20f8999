//! Keys are replaced while people work, and while servers die.

#[cfg(test)]
mod rewrapped;
#[cfg(test)]
mod rotated;

#[cfg(test)]
mod command {
    use kehu_tests::own_postgres;
    use kehu_tests::server::Home;

    pub(crate) fn homes() -> [Home; 2] {
        [Home::sqlite(), Home::postgres(own_postgres().url)]
    }

    /// What a command prints; it must succeed.
    #[track_caller]
    pub(crate) fn told(home: &Home, words: &[&str]) -> String {
        let output = home.command(words).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {error}\n{}", home.log());
        String::from_utf8(output.stdout).unwrap()
    }

    /// The lines of an organisation, of what `keys status` tells.
    pub(crate) fn of<'t>(status: &'t str, org: &str) -> Vec<&'t str> {
        let rest = status.lines().skip_while(|line| *line != format!("{org}:")).skip(1);
        rest.take_while(|line| line.starts_with(' ')).map(str::trim).collect()
    }
}
