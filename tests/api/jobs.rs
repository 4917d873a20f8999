//! Jobs: who sees them, taking one back, trying one again, pages; `kehu work`.

kehu_tests::on_both_engines!(
    people_see_their_own_jobs_and_administrators_all,
    a_job_is_taken_back_once_and_a_dead_one_tried_again,
    a_list_has_pages_and_filters_and_refuses_what_it_does_not_know,
);

#[cfg(test)]
mod tests {
    use std::process::{Child, Stdio};
    use std::time::{Duration, Instant};

    use kehu_tests::cluster::Session as Database;
    use kehu_tests::server::Home;
    use kehu_tests::{Engine, Org, new_id, own_postgres};
    use serde_json::{Value, json};

    use crate::planted::plant;

    fn ids(jobs: &[Value]) -> Vec<&str> {
        jobs.iter().map(|job| job["id"].as_str().unwrap()).collect()
    }

    pub(super) fn people_see_their_own_jobs_and_administrators_all(engine: Engine) {
        let (org, other) = (Org::new(engine), Org::new(engine));
        let (seller, manager) = (org.user("salesperson", None), org.user("manager", None));
        let theirs = plant(&org, Some(&seller.id), "queued");
        let systems = plant(&org, None, "queued");
        let job = seller.session.get(&format!("/v1/jobs/{theirs}")).expect(200).json();
        assert_eq!((&job["kind"], &job["state"]), (&json!("planted.queued"), &json!("queued")));
        assert_eq!(job["progress"], json!({"done": 7, "total": null}));
        assert_eq!((&job["created_by"], &job["creator"]["id"]), (&json!(seller.id), &json!(seller.id)));
        assert_eq!(job["creator"]["name"], "测试salesperson");
        assert_eq!(ids(&seller.session.get("/v1/jobs").expect(200).data()), [theirs.as_str()]);
        assert_eq!(ids(&org.admin.get("/v1/jobs").expect(200).data()), [systems.as_str(), theirs.as_str()]);
        for session in [&manager.session, &other.admin] {
            assert!(session.get("/v1/jobs").expect(200).data().is_empty());
            let session = session.with("x-request-id", "the-same-request");
            for door in ["", "/cancel", "/retry"] {
                let ask = |id: &str| match door {
                    "" => session.get(&format!("/v1/jobs/{id}")).expect(404),
                    door => session.post(&format!("/v1/jobs/{id}{door}"), &json!({})).expect(404),
                };
                assert_eq!(ask(&theirs).text, ask(&new_id()).text);
                assert_eq!(ask(&systems).text, ask("no-id").text);
            }
        }
        let _ = seller.session.post(&format!("/v1/jobs/{systems}/cancel"), &json!({})).expect(404);
        assert_eq!(org.admin.get(&format!("/v1/jobs/{theirs}")).expect(200).json()["state"], "queued");
    }

    pub(super) fn a_job_is_taken_back_once_and_a_dead_one_tried_again(engine: Engine) {
        let org = Org::new(engine);
        let seller = org.user("salesperson", None);
        let waits = plant(&org, Some(&seller.id), "queued");
        let cancel = format!("/v1/jobs/{waits}/cancel");
        let cancelled = seller.session.post(&cancel, &json!({})).expect(200).json();
        assert_eq!(cancelled["state"], "cancelled");
        assert!(cancelled["finished_at"].is_string());
        assert_eq!(seller.session.post(&cancel, &json!({})).expect(409).code(), "job_ended");
        let retry = format!("/v1/jobs/{waits}/retry");
        assert_eq!(seller.session.post(&retry, &json!({})).expect(409).code(), "job_not_dead");
        // No server has it, so it stays as it is.
        let dead = plant(&org, None, "dead");
        let shown = org.admin.get(&format!("/v1/jobs/{dead}")).expect(200).json();
        assert_eq!(shown["failure"], json!({"code": "lost", "detail": null}));
        let again = org.admin.post(&format!("/v1/jobs/{dead}/retry"), &json!({})).expect(200).json();
        assert_eq!(
            (&again["state"], &again["attempts"], &again["failure"]),
            (&json!("queued"), &json!(0), &Value::Null)
        );
        let _ = org.admin.get(&format!("/v1/jobs/{dead}/retry")).expect(405);
    }

    pub(super) fn a_list_has_pages_and_filters_and_refuses_what_it_does_not_know(engine: Engine) {
        let org = Org::new(engine);
        let planted: Vec<String> =
            (0..5).map(|at| plant(&org, None, if at % 2 == 0 { "dead" } else { "done" })).collect();
        let (mut seen, mut path) = (Vec::new(), "/v1/jobs?limit=2".to_owned());
        loop {
            let page = org.admin.get(&path).expect(200);
            seen.extend(ids(&page.data()).into_iter().map(str::to_owned));
            let Some(next) = page.json()["page"]["next"].as_str().map(str::to_owned) else { break };
            path = format!("/v1/jobs?limit=2&after={next}");
        }
        assert!(seen.iter().eq(planted.iter().rev()), "{seen:?} {planted:?}");
        let dead = org.admin.get("/v1/jobs?filter[state]=dead").expect(200).data();
        assert_eq!(ids(&dead), [&planted[4], &planted[2], &planted[0]].map(String::as_str));
        let none = org.admin.get("/v1/jobs?filter[state]=done&filter[kind]=planted.dead").expect(200);
        assert!(none.data().is_empty());
        for (question, code) in [
            ("filter[state]=asleep", "question_invalid"),
            ("limit=501", "limit_invalid"),
            ("after=x", "cursor_invalid"),
            ("sort=id", "parameter_unknown"),
        ] {
            assert_eq!(org.admin.get(&format!("/v1/jobs?{question}")).expect(400).code(), code, "{question}");
        }
    }

    /// A process that is killed at the latest when the test ends.
    struct Worker(Child);

    impl Drop for Worker {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[test]
    fn work_does_what_a_server_leaves_and_ends_in_order() {
        let database = own_postgres();
        let home = Home::postgres(database.url.clone());
        let _server = home.start_with(&["--job-slots", "0"]);
        let mut worker = Worker(home.command(&["work"]).stderr(Stdio::null()).spawn().unwrap());
        let mut rows = Database::open(&database.url);
        let done = "SELECT count(*) FROM jobs WHERE kind = 'housekeeping' AND state = 'done'";
        let begun = Instant::now();
        while rows.number(done) == 0 {
            assert!(begun.elapsed() < Duration::from_secs(20), "housekeeping was not done");
            std::thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(rows.number("SELECT count(*) FROM schedules WHERE name = 'housekeeping'"), 1);
        let pid = worker.0.id().to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert_eq!(worker.0.wait().unwrap().code(), Some(0));
        assert_eq!(rows.number("SELECT count(*) FROM jobs WHERE kind = 'housekeeping'"), 1);
    }

    #[test]
    fn work_is_refused_on_sqlite_and_says_who_does_it() {
        let home = Home::sqlite();
        let output = home.command(&["work"]).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("kehu serve") && said.contains("--job-slots"), "{said}");
        assert!(!home.data().join("kehu.db").exists());
    }

    #[test]
    fn figures_tell_of_the_queue() {
        let home = Home::sqlite();
        let server = home.start_with(&["--metrics-listen", "127.0.0.1:0"]);
        let metrics = server.metrics.clone().unwrap();
        let begun = Instant::now();
        loop {
            let text = kehu_tests::Session::anonymous(metrics.trim_end_matches("/metrics")).get("/metrics").text;
            let told = ["kehu_jobs_running 0", "kehu_jobs_oldest_due_seconds 0", "kehu_jobs_dead 0"];
            if told.iter().all(|line| text.lines().any(|told| told == *line)) {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(10), "{text}");
            std::thread::sleep(Duration::from_millis(100));
        }
        assert!(server.stop().success());
    }
}
