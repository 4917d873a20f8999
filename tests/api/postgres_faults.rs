//! What befalls a PostgreSQL server while Kehu writes and reads: nothing but "503, come again" is seen of it, and
//! nothing that was acknowledged is lost.

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kehu_tests::cluster::{Cluster, Restart, Session};
    use kehu_tests::server::Home;
    use kehu_tests::{Load, Session as Client};

    /// The longest that anybody waits: for a connection (5 s), then for a lock (5 s), and some for a busy machine.
    const LONGEST: Duration = Duration::from_secs(14);

    /// As many connections as a server opens: what the operations page says.
    fn most_connections() -> i64 {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        i64::try_from(cores).unwrap() * 8 + 8
    }

    /// Lets something befall a server of the test's own under load, and looks at what was told and what is there.
    fn befalls(what: impl FnOnce(&Cluster, &Load)) -> Load {
        let cluster = Cluster::start();
        let home = Home::postgres(cluster.url.clone());
        let server = home.start();
        let admin: Client = server.admin();
        let load = Load::run(&admin, |load| what(&cluster, load));
        let open = cluster.session().number("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'kehu'");
        assert!((1..=most_connections()).contains(&open), "{open} connections");
        load.check(&admin, LONGEST);
        assert!(!home.log().contains("panicked"), "{}", home.log());
        assert!(server.stop().success());
        load
    }

    #[test]
    fn it_is_restarted_or_crashes() {
        befalls(|cluster, load| {
            cluster.restart(Restart::Fast);
            load.progress();
            cluster.restart(Restart::Crash);
            load.progress();
            // One backend killed is a crash of all of them.
            let others = "SELECT pid::int8 FROM pg_stat_activity WHERE backend_type = 'client backend' \
                          AND pid <> pg_backend_pid() LIMIT 1";
            let pid = cluster.session().number(others);
            let killed = std::process::Command::new("kill").args(["-KILL", &pid.to_string()]).status();
            assert!(killed.unwrap().success());
        });
    }

    #[test]
    fn its_sessions_are_ended() {
        befalls(|cluster, load| {
            let mut session = cluster.session();
            for _ in 0..4 {
                session.run(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                     WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
                );
                load.progress();
            }
        });
    }

    #[test]
    fn somebody_holds_its_locks() {
        let load = befalls(|cluster, load| {
            let mut session = cluster.session();
            session.run("BEGIN; LOCK TABLE customers IN ACCESS EXCLUSIVE MODE");
            std::thread::sleep(Duration::from_millis(6500));
            session.run("ROLLBACK");
            load.progress();
            session.run("BEGIN; SELECT * FROM organisations FOR UPDATE; LOCK TABLE journal IN SHARE MODE");
            std::thread::sleep(Duration::from_millis(6500));
            session.run("ROLLBACK");
        });
        assert!(load.later("POST overloaded") > 0, "{}", load.account());
        assert!(load.later("GET overloaded") > 0, "{}", load.account());
    }

    #[test]
    fn it_turns_read_only_and_back() {
        let load = befalls(|cluster, load| {
            cluster.run("ALTER SYSTEM SET default_transaction_read_only = on");
            cluster.run("SELECT pg_reload_conf()");
            std::thread::sleep(Duration::from_millis(700));
            let mut session = cluster.session();
            session.run("SET default_transaction_read_only = off");
            session.run("ALTER SYSTEM RESET default_transaction_read_only");
            session.run("SELECT pg_reload_conf()");
            load.progress();
        });
        assert!(load.later("POST database_read_only") > 0, "{}", load.account());
        assert_eq!(load.later("GET database_read_only"), 0, "{}", load.account());
    }

    /// As after a failover behind a proxy: sessions with the old primary go on and take no writes, new ones do.
    #[test]
    fn only_new_sessions_may_write_again() {
        let load = befalls(|cluster, load| {
            cluster.run("ALTER ROLE kehu SET default_transaction_read_only = on");
            cluster.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'kehu'");
            std::thread::sleep(Duration::from_millis(500));
            let mut session = cluster.session();
            session.run("SET default_transaction_read_only = off");
            session.run("ALTER ROLE kehu RESET default_transaction_read_only");
            load.progress();
        });
        assert!(load.later("POST database_read_only") > 0, "{}", load.account());
    }

    #[test]
    fn others_take_its_connections() {
        befalls(|cluster, load| {
            cluster.run("ALTER SYSTEM SET max_connections = 20");
            cluster.restart(Restart::Fast);
            // All that are free, and those that Kehu had.
            let mut taken: Vec<Session> = Vec::new();
            let mut ended = 0;
            while ended < 3 {
                match Session::try_open(&cluster.url) {
                    Ok(session) => taken.push(session),
                    Err(_) => {
                        let session = taken.last_mut().unwrap();
                        session.run(
                            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                             WHERE application_name = 'kehu'",
                        );
                        ended += 1;
                        std::thread::sleep(Duration::from_millis(100));
                    }
                }
            }
            std::thread::sleep(Duration::from_millis(1500));
            drop(taken);
            load.progress();
        });
    }
}
