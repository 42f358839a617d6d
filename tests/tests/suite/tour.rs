//! What the documentation shows is what the program does: tours are run word for word, every command that is to be copied runs, and every
//! command that is named anywhere is a real one.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use offhook_tests::{
    Setup, files_below,
    postgres::{self, Database},
    root,
    server::binary,
};

// ---- the tour --------------------------------------------------------------------------------------------------------

/// A command of the README and what is shown below it.
struct Step {
    command: String,
    shown: Vec<String>,
}

/// The steps of all `console` blocks of a page.
fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in blocks(page, "console").concat() {
        // The lines of a document that is typed belong to the command.
        if let Some(step) = steps.last_mut().filter(|s| s.command.contains("<<'END'") && !s.command.ends_with("\nEND")) {
            step.command.push_str(&format!("\n{line}"));
            continue;
        }
        match line.strip_prefix("$ ") {
            Some(command) => steps.push(Step { command: command.to_owned(), shown: Vec::new() }),
            None => steps.last_mut().expect("a console block begins with a command").shown.push(line),
        }
    }
    steps
}

/// The lines of each fenced block of that language.
fn blocks(page: &str, language: &str) -> Vec<Vec<String>> {
    let mut found: Vec<Vec<String>> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        if let Some(fence) = line.trim_start().strip_prefix("```") {
            inside = !inside && fence == language;
            if inside {
                found.push(Vec::new());
            }
        } else if inside {
            found.last_mut().unwrap().push(line.to_owned());
        }
    }
    found
}

/// What differs from run to run made equal: ids, dates, times, ages, and the widths of columns.
fn normal(line: &str) -> String {
    let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let is = |word: &str, separator: char, lengths: &[usize]| {
        let parts: Vec<&str> = word.split(separator).collect();
        parts.len() == lengths.len() && parts.iter().zip(lengths).all(|(p, l)| p.len() == *l && p.chars().all(|c| c.is_ascii_hexdigit()))
    };
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut out: Vec<String> = Vec::new();
    let mut at = 0;
    while let Some(&word) = words.get(at) {
        let bare = word.trim_start_matches('(');
        match words.get(at + 1..at + 3) {
            Some(&[unit, ago]) if digits(bare) && ["s", "min"].contains(&unit) && ago.starts_with("ago") => {
                out.push(format!("{}now{}", &word[..word.len() - bare.len()], &ago["ago".len()..]));
                at += 3;
                continue;
            }
            _ if is(word, '-', &[8, 4, 4, 4, 12]) => out.push("ID".to_owned()),
            _ if is(word, '-', &[4, 2, 2]) => out.push("DATE".to_owned()),
            _ if is(word, ':', &[2, 2, 2]) => out.push("TIME".to_owned()),
            _ => out.push(word.to_owned()),
        }
        at += 1;
    }
    out.join(" ")
}

/// Whether the output is what is shown; a line `…` stands for any lines.
fn matches(shown: &[String], output: &[String]) -> bool {
    match shown.split_first() {
        None => output.is_empty(),
        Some((line, rest)) if line == "…" => (0..=output.len()).any(|skipped| matches(rest, &output[skipped..])),
        Some((line, rest)) => output.split_first().is_some_and(|(first, others)| line == first && matches(rest, others)),
    }
}

/// A shell command in a folder, with the program in front of the path and nothing of the caller's configuration.
fn shell(folder: &Path, command: &str) -> Output {
    let path = format!("{}:{}", binary().parent().unwrap().display(), std::env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("sh");
    for (name, _) in std::env::vars_os().filter(|(n, _)| n.to_string_lossy().starts_with("OFFHOOK_")) {
        shell.env_remove(name);
    }
    // For pages that keep something in git: who it is, and an editor that changes the file.
    let person =
        ["GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"].map(|name| (name, "nobody@example.com"));
    shell.envs(person).env("EDITOR", "sed -i $a{##}").env("HOME", folder);
    shell.args(["-c", command]).current_dir(folder).env("PATH", path).env_remove("COLUMNS").output().unwrap()
}

#[test]
fn the_tour_of_the_readme_is_what_happens() {
    walk("README.md", 10);
}

#[test]
fn the_procedures_for_templates_are_what_happens() {
    walk("docs/templates.md", 10);
}

#[test]
fn the_past_is_told_and_undone_as_its_page_says() {
    walk("docs/history.md", 6);
}

#[test]
fn adding_a_phone_family_goes_as_its_page_says() {
    walk("docs/adding-a-phone-family.md", 15);
}

/// Runs every `console` block of a page against one server; what is printed must be what the page shows.
fn walk(page: &str, at_least: usize) {
    assert!(binary().ends_with("offhook"), "the tour calls the program by its name");
    let text = fs::read_to_string(root().join(page)).unwrap();
    let steps = steps(&text);
    assert!(steps.len() >= at_least, "{page}: the tour has gone");
    // As after `make run`: the data stands in the folder where the commands are typed.
    let server = Setup::default().start();
    let folder = tempfile::tempdir().unwrap();
    symlink(server.data(), folder.path().join("offhook-data")).unwrap();
    let (http, tftp) = (server.listeners().http[0].to_string(), server.tftp().to_string());

    for Step { command, shown } in steps {
        if command.starts_with("export ") {
            assert_eq!(command, "export PATH=$PWD/target/debug:$PATH");
            continue;
        }
        let output = shell(folder.path(), &command.replace("127.0.0.1:8667", &http).replace("127.0.0.1:6969", &tftp));
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        let normals = |lines: Vec<&str>| lines.into_iter().map(normal).collect::<Vec<_>>();
        let got = normals(text.lines().collect());
        let wanted = normals(shown.iter().map(String::as_str).collect());
        assert!(matches(&wanted, &got), "$ {command}\n---- {page} shows\n{}\n---- it prints\n{text}", shown.join("\n"));
        assert!(output.status.success(), "$ {command}\n{text}");
    }
}

// ---- commands that are named -----------------------------------------------------------------------------------------

/// The pages that people read.
fn pages() -> Vec<PathBuf> {
    let all = files_below(root());
    all.into_iter().filter(|f| f.extension().is_some_and(|e| e == "md")).collect()
}

/// What `--help` prints after these words; none when there is no such command.
fn help(words: &[&str]) -> Option<String> {
    let output = Command::new(binary()).args(words).arg("--help").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // A word too many is taken for an argument where a command takes some.
    (output.status.success() && text.contains(&format!("Usage: offhook {}", words.join(" ")))).then_some(text)
}

/// The commands of a page: what stands in backticks, and lines of its code blocks.
fn commands(page: &str) -> Vec<String> {
    let lines = page.replace("\\\n", " ");
    let mut found: Vec<String> = page.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    found.extend(lines.lines().map(|l| l.trim_start().trim_start_matches("$ ").to_owned()));
    found.retain(|c| c.starts_with("offhook "));
    found
}

/// Words that name a command, and options.
fn parts(command: &str) -> (Vec<&str>, BTreeSet<&str>) {
    let words: Vec<&str> = command.split_whitespace().skip(1).collect();
    let named = |w: &&&str| w.starts_with(|c: char| c.is_ascii_lowercase()) && w.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    let name = words.iter().take(3).take_while(named).copied().collect();
    let before = words.iter().take_while(|w| !["|", ">", "<", "#", "&&"].contains(w));
    let options = before.filter(|w| w.starts_with("--")).map(|w| w.split('=').next().unwrap_or_default());
    (name, options.map(|o| o.trim_end_matches([',', ';', '.', ')'])).collect())
}

#[test]
fn every_command_that_a_page_names_is_real() {
    let mut seen = 0;
    for page in pages() {
        for command in commands(&fs::read_to_string(&page).unwrap()) {
            let (name, options) = parts(&command);
            // The longest beginning that is a command; words after it are its arguments, unless commands belong there.
            let told = (0..=name.len()).rev().find_map(|n| help(&name[..n])).filter(|text| name.len() < 2 || !text.contains("\nCommands:"));
            let text = told.unwrap_or_else(|| panic!("{}: there is no `{command}`", page.display()));
            for option in options {
                assert!(option == "--help" || text.contains(option), "{}: `{command}` has no {option}", page.display());
            }
            seen += 1;
        }
    }
    assert!(seen > 50, "only {seen} commands were found");
}

#[test]
fn every_command_that_the_program_suggests_is_real() {
    let nouns: Vec<String> = help(&[]).unwrap().lines().skip_while(|l| *l != "Commands:").skip(1).map_while(noun).collect();
    assert!(nouns.len() > 8, "{nouns:?}");
    let mut seen = BTreeSet::new();
    for file in files_below(&root().join("crates")).into_iter().filter(|f| f.extension().is_some_and(|e| e == "rs")) {
        let text = fs::read_to_string(&file).unwrap();
        for (at, _) in text.match_indices("offhook ") {
            let rest = text[at..].split(['"', '`', '\\', '\n', ')']).next().unwrap_or_default();
            let (name, _) = parts(rest);
            // Prose about the program goes on with other words than nouns.
            if let [noun, verb] = name[..]
                && nouns.iter().any(|n| n == noun)
                && seen.insert(format!("{noun} {verb}"))
            {
                let verbs = help(&[noun]).unwrap();
                assert!(!verbs.contains("\nCommands:") || help(&[noun, verb]).is_some(), "{}: there is no `{rest}`", file.display());
            }
        }
    }
    assert!(seen.len() > 15, "{seen:?}");
}

/// The noun of a line of the list of commands.
fn noun(line: &str) -> Option<String> {
    line.strip_prefix("  ")?.split_whitespace().next().map(str::to_owned)
}

// ---- commands to copy ------------------------------------------------------------------------------------------------

/// What a page shows to be copied and no test runs, by how the command begins, and why.
const NOT_RUN: [(&str, &str); 10] = [
    ("make ", "it is what runs this suite, or measures for long"),
    ("RUNS=", "it measures for long"),
    ("DEVICES=", "it measures for long"),
    ("apt ", "it changes the machine; `make deb-test` does it in a system of its own"),
    ("systemctl ", "it changes the machine; `make deb-test` drives the units"),
    ("podman ", "it needs a registry of images; packaging.rs looks at the file"),
    ("cargo build --release", "it takes minutes; the program under test is built so"),
    ("install ", "it writes into /usr/local"),
    ("offhook serve", "it goes on until it is ended; every test of this suite runs it"),
    ("offhook requests --follow", "it goes on until it is ended; simulate.rs follows"),
];

/// What is there before the commands of a page are typed.
fn before(page: &str) -> &'static str {
    match page {
        "docs/access.md" => "offhook tenant add north && offhook tenant add south",
        "docs/cli.md" => {
            "printf Tr0ub4dor > secret.txt && printf '[time]\\nntp = [\"ntp.example\"]\\n' > office.toml \\
             && offhook account add 1001 password=generate && offhook profile add office \\
             && offhook device add 001565aabbcc --model T46S 'lines.1.servers=[{\"host\":\"pbx.example\"}]'"
        }
        "docs/shared.md" => {
            "offhook tenant add branch && offhook profile add office && offhook device add 001565aabbcc --model T46S --profile office"
        }
        "docs/templates.md" => {
            "offhook template show yealink base.tpl > base.tpl && echo '{# ours #}' >> base.tpl && offhook template put yealink base.tpl"
        }
        _ => "true",
    }
}

/// The commands of a page's `sh` blocks, each as it is typed: what ends in a backslash goes on.
fn typed(page: &str) -> Vec<String> {
    let blocks = blocks(page, "sh").into_iter().map(|block| block.iter().map(|l| l.trim()).collect::<Vec<_>>().join("\n"));
    blocks.flat_map(|block| block.replace("\\\n", " ").lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// The command as it can run here: in place of an installed server's folders those beside it, in place of what a reader puts in what is there.
fn here(command: &str, database: Option<&Database>) -> String {
    let mut command =
        command.replace("$(date +%F)", "2026-11-21").replace("/var/lib/offhook", "./var").replace("raw.PACK.", "raw.yealink.");
    if let Some(database) = database {
        command = command.replace("postgres://offhook:PASSWORD@db.example/offhook", &database.url());
    }
    // Variables alone are those of a configuration.
    let only_variables = command.split(" #").next().is_some_and(|c| c.starts_with("OFFHOOK_") && !c.contains(' '));
    if only_variables { format!("{command} offhook config check") } else { command }
}

#[test]
fn every_command_to_copy_runs() {
    let mut not_run: BTreeSet<&str> = BTreeSet::new();
    let mut ran = 0;
    for file in pages() {
        let page = file.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        let mut commands = typed(&fs::read_to_string(&file).unwrap());
        commands.retain(|command| match NOT_RUN.iter().find(|(begins, _)| command.starts_with(begins)) {
            Some((begins, _)) => {
                not_run.insert(begins);
                false
            }
            None => true,
        });
        if commands.is_empty() {
            continue;
        }
        let mut server = Setup::default().start();
        let folder = tempfile::tempdir().unwrap();
        symlink(server.data(), folder.path().join("offhook-data")).unwrap();
        let prepared = shell(folder.path(), before(&page));
        assert!(prepared.status.success(), "{page}: {}", String::from_utf8_lossy(&prepared.stderr));
        for command in commands {
            let moves = command.starts_with("offhook store migrate");
            // Of a server on PostgreSQL the folder alone does not tell where everything is; the suite moves from there elsewhere.
            if moves && postgres::wanted() {
                continue;
            }
            let database = moves.then(Database::new);
            if moves {
                assert!(server.stop().success());
            }
            let output = shell(folder.path(), &here(&command, database.as_ref()));
            let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{page}: $ {command}\n{told}");
            ran += 1;
        }
    }
    assert!(ran > 40, "only {ran} commands ran");
    let gone: Vec<_> = NOT_RUN.iter().filter(|(begins, _)| !not_run.contains(begins)).collect();
    assert!(gone.is_empty(), "no page shows these: {gone:?}");
}

/// A command that stands in another kind of block would escape the tests.
#[test]
fn every_command_to_copy_stands_where_it_is_tested() {
    let begins = ["offhook ", "make ", "apt ", "systemctl ", "podman ", "cargo ", "curl ", "git ", "runuser ", "sudo "];
    for file in pages() {
        let text = fs::read_to_string(&file).unwrap();
        let mut fence: Option<&str> = None;
        for (number, line) in text.lines().enumerate() {
            if let Some(language) = line.trim_start().strip_prefix("```") {
                fence = if fence.is_some() { None } else { Some(language) };
                continue;
            }
            let code = fence.is_some_and(|f| f != "sh" && f != "console") || (fence.is_none() && line.starts_with("    "));
            let command = begins.iter().any(|b| line.trim_start().trim_start_matches("$ ").starts_with(b));
            assert!(!(code && command), "{}:{}: write it into an `sh` or `console` block: {line}", file.display(), number + 1);
        }
    }
}
