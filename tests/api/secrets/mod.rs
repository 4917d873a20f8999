//! Nothing of a sealed field lies in clear in the database, its log, the server's log, or where the server works: words
//! that stand nowhere else go through every door that writes, and are then looked for in everything that is left.

#[cfg(test)]
mod bodies;
#[cfg(test)]
mod by_hand;
#[cfg(test)]
mod doors;
#[cfg(test)]
mod sign_ins;
#[cfg(test)]
mod sown;
#[cfg(test)]
mod spellings;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::Path;

    use kehu_tests::cluster::Cluster;
    use kehu_tests::server::{Home, Server};
    use kehu_tests::{Database, Session};

    use super::by_hand;
    use super::doors::Walk;
    use super::sown::Sown;
    use super::spellings::{Wanted, files};

    /// A server that works in folders of its own.
    fn start(home: &Home) -> Server {
        let (work, temporary) = (home.path().join("work"), home.path().join("tmp"));
        for folder in [&work, &temporary] {
            std::fs::create_dir(folder).unwrap();
        }
        let mut command = home.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.current_dir(work).env("TMPDIR", temporary).env("KEHU_ALLOW_PRIVATE_TARGETS", "1");
        home.start_from(command)
    }

    /// Plants words through every door.
    fn planted(server: &Server) -> Sown {
        let admin = server.admin();
        let document = Session::anonymous(&server.base).get("/openapi.json").expect(200).json();
        let mut walk = Walk::new(&server.base, &document, &admin);
        let called = walk.through_every_door();
        assert!(called > 45, "only {called} doors");
        let mut sown = walk.sown;
        sown.door = "what is asked by hand".to_owned();
        by_hand::plant(&admin, &server.base, &mut sown);
        sown
    }

    /// What is looked for: the secrets first, the clear ones behind them.
    struct Search {
        wanted: Wanted,
        secrets: usize,
        clear: HashSet<usize>,
        bytes: usize,
    }

    impl Search {
        fn new(sown: Sown) -> Self {
            let secrets = sown.secret.len();
            assert!(secrets > 400, "only {secrets} secrets");
            let wanted = Wanted::new(sown.secret.into_iter().chain(sown.clear));
            Self { wanted, secrets, clear: HashSet::new(), bytes: 0 }
        }

        fn bytes(&mut self, what: &str, bytes: &[u8]) {
            self.bytes += bytes.len();
            let (clear, secret): (Vec<_>, Vec<_>) =
                self.wanted.found_in(bytes).into_iter().partition(|word| *word >= self.secrets);
            let told: Vec<_> = secret.iter().map(|word| self.wanted.word(*word)).collect();
            assert!(told.is_empty(), "{what} holds {told:?}");
            self.clear.extend(clear);
        }

        fn folder(&mut self, folder: &Path) {
            for file in files(folder) {
                // A cluster removes files while it stops.
                if let Ok(bytes) = std::fs::read(&file) {
                    self.bytes(&file.display().to_string(), &bytes);
                }
            }
        }

        /// The search itself works: what is clear by design was found, of every member at least once.
        fn end(&self) {
            assert!(self.bytes > 500_000, "only {} bytes were searched", self.bytes);
            let all = (self.secrets..self.wanted.len()).map(|word| &self.wanted.word(word).0);
            let found: HashSet<&String> = self.clear.iter().map(|word| &self.wanted.word(*word).0).collect();
            let missed: HashSet<&String> = all.filter(|what| !found.contains(what)).collect();
            assert!(
                missed.is_empty(),
                "clear by design, and not found: {missed:?}; if it is sealed now, say so in bodies.rs"
            );
        }
    }

    #[test]
    fn sqlite() {
        let home = Home::sqlite();
        let server = start(&home);
        let mut search = Search::new(planted(&server));
        // Killed, so that the write-ahead log is still there.
        server.kill();
        assert!(home.data().join("kehu.db-wal").exists());
        search.folder(home.path());
        search.end();
    }

    #[test]
    fn postgres() {
        let cluster = Cluster::start();
        let home = Home::postgres(cluster.url.clone());
        let server = start(&home);
        let mut search = Search::new(planted(&server));
        let dump = Database { url: cluster.url.clone() }.every_value();
        assert!(server.stop().success());
        // Tables may be compressed in the files.
        search.bytes("a table of PostgreSQL", &dump);
        search.folder(home.path());
        cluster.run("CHECKPOINT");
        search.folder(cluster.path());
        search.end();
    }
}
