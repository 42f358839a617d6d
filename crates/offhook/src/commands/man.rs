//! `offhook man`: the manual as files, one page for each command.

use std::{fs, path::PathBuf};

use clap::{Args, Command};
use clap_mangen::Man;

use crate::{
    cli,
    failure::{Failure, Outcome},
    output::Output,
};

/// Write the manual: one page for each command
#[derive(Args, Debug)]
#[command(after_help = "\
Read one without installing it: man -l man1/offhook-device-show.1")]
pub struct Manual {
    /// The folder; it is made when there is none
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Manual {
    /// Does it.
    pub fn run(self, out: &mut Output<'_>) -> Outcome {
        let cannot = |e: std::io::Error| Failure::Failed(format!("{} cannot be written: {e}", self.folder.display()));
        fs::create_dir_all(&self.folder).map_err(cannot)?;
        let pages = pages()?;
        for (name, text) in &pages {
            fs::write(self.folder.join(name), text).map_err(cannot)?;
        }
        out.line(format!("{} pages are written into {}.", pages.len(), self.folder.display()))
    }
}

/// Name and text of every page.
fn pages() -> Outcome<Vec<(String, Vec<u8>)>> {
    let mut command = cli::command();
    command.build();
    let mut found = Vec::new();
    page(&command, "offhook", &[], &mut found)?;
    Ok(found)
}

fn page(command: &Command, name: &str, above: &[&str], found: &mut Vec<(String, Vec<u8>)>) -> Outcome {
    let title: &'static str = String::leak(name.to_owned());
    let below: Vec<&Command> = command.get_subcommands().filter(|c| !c.is_hide_set() && c.get_name() != "help").collect();
    let man = Man::new(command.clone().name(title).display_name(title))
        .source(format!("Offhook {}", env!("CARGO_PKG_VERSION")))
        .manual("Offhook");
    let mut text = Vec::new();
    let whole = man.render(&mut text).map(|()| see_also(&mut text, name, above, &below));
    whole.map_err(|e| Failure::Failed(format!("the page of {name} cannot be made: {e}")))?;
    found.push((format!("{name}.1"), headed(&String::from_utf8_lossy(&text)).into_bytes()));
    let path = [above, &[name]].concat();
    below.into_iter().try_for_each(|c| page(c, &format!("{name}-{}", c.get_name()), &path, found))
}

/// What stands below the help, under the headings that manuals have.
fn headed(text: &str) -> String {
    let Some((before, after)) = text.split_once(".SH EXTRA\n") else { return text.to_owned() };
    let (notes, examples) = ["Examples:\n", "Example:\n"].iter().find_map(|e| after.split_once(e)).unwrap_or((after, ""));
    let section = |heading: &str, text: &str| if text.trim().is_empty() { String::new() } else { format!(".SH {heading}\n{text}") };
    format!("{before}{}{}", section("NOTES", notes), section("EXAMPLES", examples))
}

/// The pages above and below one.
fn see_also(text: &mut Vec<u8>, name: &str, above: &[&str], below: &[&Command]) {
    let pages = above.iter().map(|a| (*a).to_owned()).chain(below.iter().map(|c| format!("{name}-{}", c.get_name())));
    let pages: Vec<String> = pages.map(|p| format!("\\fB{}\\fR(1)", p.replace('-', "\\-"))).collect();
    if !pages.is_empty() {
        text.extend_from_slice(format!(".SH \"SEE ALSO\"\n{}\n", pages.join(", ")).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_command_has_a_page_that_names_its_neighbours() {
        let pages = pages().unwrap();
        let page = |name: &str| String::from_utf8(pages.iter().find(|(n, _)| n == name).unwrap().1.clone()).unwrap();
        assert!(pages.len() > 90, "{}", pages.len());
        assert!(page("offhook-device.1").contains("\\fBoffhook\\-device\\-show\\fR(1)"), "{}", page("offhook-device.1"));
        assert!(page("offhook-device-show.1").contains("offhook device show 001565aabbcc"), "{}", page("offhook-device-show.1"));
        assert!(page("offhook-device-show.1").contains("\\fBoffhook\\fR(1), \\fBoffhook\\-device\\fR(1)"));
        assert!(page("offhook.1").contains("Exit codes"));
        let set = page("offhook-device-set.1");
        assert!(set.contains(".SH NOTES\nValues:\n") && set.contains(".SH EXAMPLES\n  offhook device set"), "{set}");
        assert!(!page("offhook-device-list.1").contains(".SH NOTES"), "it has examples alone");
    }
}
