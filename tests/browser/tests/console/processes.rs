//! A browser does not outlive its test.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use larder_browser::{Browser, until};

/// The process of the test below prints its process group and its folder, and waits.
const HOLD: &str = "processes::hold_a_browser_until_this_is_killed";

#[tokio::test]
#[ignore = "the other test runs and kills it"]
async fn hold_a_browser_until_this_is_killed() {
    let browser = Browser::start().await.unwrap();
    println!("group {} folder {}", browser.process_group(), browser.folder().display());
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_test_that_is_killed_leaves_no_process_and_no_folder() {
    let mut test = Command::new(env::current_exe().unwrap())
        .args(["--exact", HOLD, "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let printed = line(&mut test);
    // Whatever was printed, the test ends.
    test.kill().unwrap();
    test.wait().unwrap();
    let printed = printed.unwrap();
    let (group, folder) = printed.split_once(" folder ").unwrap();
    until("the end of the browser", async || {
        Ok((members(group)?.is_empty() && !Path::new(folder).exists()).then_some(()))
    })
    .await
    .unwrap();
}

fn line(test: &mut Child) -> Result<String> {
    let output = BufReader::new(test.stdout.take().context("no output")?);
    let mut lines = output.lines().map_while(Result::ok);
    let line = lines.find_map(|line| line.split_once("group ").map(|(_, rest)| rest.to_owned()));
    let line = line.context("the browser did not start")?;
    let group = line.split(' ').next().unwrap_or_default();
    anyhow::ensure!(members(group)?.len() > 2, "chromedriver and Chromium have a group: {line}");
    Ok(line)
}

/// Returns the processes of a group that have not ended. Those that no one has waited for have.
fn members(group: &str) -> Result<Vec<String>> {
    let list = Command::new("ps").args(["-A", "-o", "pgid=,stat=,args="]).output()?;
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    let is_member = |line: &&str| {
        let mut words = line.split_whitespace();
        words.next() == Some(group) && words.next().is_some_and(|state| !state.starts_with('Z'))
    };
    Ok(list.lines().filter(is_member).map(str::to_owned).collect())
}
