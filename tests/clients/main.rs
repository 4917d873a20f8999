//! Clients that are generated from the committed description, and the one for mini-programs: they compile and do the
//! main job against the program, on both engines. And the description itself is linted.
//!
//! The generators are installed by `scripts/clients.sh` and `scripts/lint-openapi.sh`; where they cannot be had, a test
//! says so and passes.

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use kehu_tests::{Engine, Org, PASSWORD, env, mobile};
    use tempfile::TempDir;

    const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    const DESCRIPTION: &str = "openapi/openapi.json";

    /// The folder of the generators, if this one is there.
    fn tools(part: &str) -> Option<PathBuf> {
        let folder = PathBuf::from(env("KEHU_TEST_CLIENTS"));
        let there = folder.join(part).exists();
        if !there {
            eprintln!("NOT TESTED: {part} could not be installed (scripts/clients.sh says why)");
        }
        there.then_some(folder)
    }

    fn root(name: &str) -> PathBuf {
        Path::new(ROOT).join(name)
    }

    /// A folder with the jobs in it, and what they are about.
    fn workshop() -> TempDir {
        let folder = TempDir::new_in(env("KEHU_TEST_DIR")).unwrap();
        let jobs = fs::read_dir(root("tests/clients/jobs")).unwrap().map(|job| job.unwrap().path());
        let client = ["kehu.js", "kehu.d.ts"].map(|name| root("clients/mini-program").join(name));
        for file in jobs.chain(client).chain([root(DESCRIPTION)]) {
            fs::copy(&file, folder.path().join(file.file_name().unwrap())).unwrap();
        }
        folder
    }

    /// Runs a command to its end; what it said is shown where it fails.
    fn run(command: &mut Command) -> String {
        let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
        assert!(output.status.success(), "{command:?}: {said}");
        said
    }

    /// Runs a job on both engines, each in an organisation of its own.
    fn on_both(job: impl Fn() -> Command, done: &str) {
        for engine in Engine::ALL {
            let org = Org::new(engine);
            let login = format!("admin@{}.test", org.slug);
            let mut command = job();
            command.env("KEHU_URL", engine.base()).env("KEHU_LOGIN", login).env("KEHU_PASSWORD", PASSWORD);
            let said = run(command.env("KEHU_PHONE", mobile()));
            assert!(said.contains(done), "{engine:?}: {said}");
        }
    }

    #[test]
    fn typescript() {
        let Some(tools) = tools("node") else { return };
        let folder = workshop();
        let modules = tools.join("node_modules");
        std::os::unix::fs::symlink(&modules, folder.path().join("node_modules")).unwrap();
        fs::write(folder.path().join("package.json"), r#"{"type": "module"}"#).unwrap();
        let at = |program: &str| {
            let mut command = Command::new(modules.join(".bin").join(program));
            command.current_dir(folder.path());
            command
        };
        run(at("openapi-typescript").args([
            "openapi.json",
            "--default-non-nullable=false",
            "--output",
            "openapi.d.ts",
        ]));
        run(at("tsc").args(["--project", "tsconfig.json"]));
        let job = || {
            let mut command = Command::new("node");
            command.current_dir(folder.path()).arg("out/main_job.js");
            command
        };
        on_both(job, "typescript: done");
        // A description that has lost something does not compile: the job uses its types.
        let types = fs::read_to_string(folder.path().join("openapi.d.ts")).unwrap();
        fs::write(
            folder.path().join("openapi.d.ts"),
            types.replace("\"/v1/customers/search\"", "\"/v1/customers/look\""),
        )
        .unwrap();
        assert!(!at("tsc").args(["--project", "tsconfig.json"]).output().unwrap().status.success());
    }

    #[test]
    fn python() {
        let Some(tools) = tools("python") else { return };
        let folder = workshop();
        let bin = tools.join("venv/bin");
        let path = std::env::join_paths([
            bin.as_path(),
            Path::new("/usr/local/bin"),
            Path::new("/usr/bin"),
            Path::new("/bin"),
        ]);
        let at = |program: &str| {
            let mut command = Command::new(bin.join(program));
            command.current_dir(folder.path()).env("PATH", path.as_ref().unwrap());
            command
        };
        let made = ["generate", "--path", "openapi.json", "--output-path", "kehu_client", "--meta", "none"];
        run(at("openapi-python-client").args(made));
        run(at("python").args(["-m", "compileall", "-q", "kehu_client"]));
        let job = || {
            let mut command = at("python");
            command.arg("main_job.py");
            command
        };
        on_both(job, "python: done");
    }

    #[test]
    fn mini_program() {
        if tools("node").is_none() {
            return;
        }
        let folder = workshop();
        let job = || {
            let mut command = Command::new("node");
            command.current_dir(folder.path()).arg("mini_program.js");
            command
        };
        on_both(job, "mini-program: done");
    }

    #[test]
    fn the_description_is_clean() {
        if env("KEHU_TEST_LINTERS").is_empty() {
            eprintln!("NOT TESTED: the linters could not be installed (scripts/lint-openapi.sh says why)");
            return;
        }
        let lint = |file: &Path| Command::new(root("scripts/lint-openapi.sh")).arg(file).output().unwrap();
        let clean = lint(&root(DESCRIPTION));
        assert!(clean.status.success(), "{}", String::from_utf8_lossy(&clean.stdout));
        // What is wrong is found.
        let folder = TempDir::new_in(env("KEHU_TEST_DIR")).unwrap();
        let file = folder.path().join("openapi.json");
        let text = fs::read_to_string(root(DESCRIPTION)).unwrap();
        let mut document: serde_json::Value = serde_json::from_str(&text).unwrap();
        document["paths"]["/v1/tags"]["get"].as_object_mut().unwrap().remove("description");
        fs::write(&file, document.to_string()).unwrap();
        assert!(!lint(&file).status.success());
    }
}
