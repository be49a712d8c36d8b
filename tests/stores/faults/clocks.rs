//! Clocks that are wrong, and machines that make the same date at once.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use super::{PROJECT, Row, Tables, World, all, but_runs, of_second_day};
use crate::stores::bucket::Bucket;
use crate::stores::{derived, same};
use crate::support::command;
use crate::support::proxy::{Fault, Plan};

/// What a request of a wrong clock is answered, and logs whose times lie in the future and in the past.
#[test]
fn a_clock_may_be_wrong() {
    let Some(world) = World::new("skew") else { return };
    let (whole, _) = world.undisturbed("whole");
    let fault = Fault::Status(403, "RequestTimeTooSkewed");
    world.proxy.begin(Some(Plan { fault, first: 1, times: 1 }));
    let ran = world.run("skewed").exits(1);
    assert!(ran.stderr.contains("this machine's clock is wrong; set it"), "{}", ran.stderr);
    world.proxy.begin(None);
    // On the local disk the times of files are those of whatever machine wrote them.
    world.project.file("project.yaml", &PROJECT.replace("LOGS", "logs"));
    for (tables, years) in [("past", -30.0), ("future", 80.0)] {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs_f64((54.0 + years) * 31_557_600.0);
        for (path, _) in world.project.files("logs") {
            let path = world.project.path().join("logs").join(path);
            let file = std::fs::File::options().append(true).open(path).unwrap();
            file.set_modified(at).unwrap();
        }
        world.run(tables).exits(0);
        // The day tables know their objects; all that follows from them does not.
        same(&derived(world.tables(tables)), &derived(whole.clone()));
    }
}

/// The library that tells a process another time, where it is installed.
fn faketime() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.flatten();
    let file = |folder: std::fs::DirEntry| folder.path().join("faketime/libfaketimeMT.so.1");
    let found = folders.map(file).find(|file| file.exists());
    #[expect(clippy::print_stderr, reason = "a test that does less says so")]
    if found.is_none() {
        eprintln!("libfaketime is not installed (.ci/run installs it): the clocks are right");
    }
    found
}

/// Three machines make one date at once, one with the right clock, one ten years behind, one ten years ahead, while a fourth
/// reads: whatever it sees is whole, and what is there at the end is what one machine makes.
#[test]
fn machines_may_make_one_date_at_once_with_wrong_clocks() {
    let Some(world) = World::new("machines") else { return };
    let (whole, _) = world.undisturbed("whole");
    let library = faketime();
    let mut row = Row::new("three machines make one date at once, their clocks ten years apart");
    for round in 0..if all() { 20 } else { 2 } {
        let tables = format!("machines-{round}");
        let at = world.bucket.url(&tables);
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let machines = ["+0d", "-3650d", "+3650d"].map(|clock| {
                let mut command =
                    command(world.project.path(), &world.bucket.variables(), &of_second_day(&at));
                if let Some(library) = &library {
                    // What is waited for is not faked, only what is told.
                    command
                        .env("LD_PRELOAD", library)
                        .env("FAKETIME", clock)
                        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
                }
                command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
            });
            let (bucket, reading, whole) = (Bucket::again(&world.bucket), &done, &whole);
            let tables = &tables;
            let reader = scope.spawn(move || {
                let mut wrong = 0;
                while !reading.load(Ordering::Relaxed) {
                    let seen: Tables = but_runs(bucket.objects(tables));
                    wrong += seen
                        .iter()
                        .filter(|(path, bytes)| whole.get(*path) != Some(*bytes))
                        .count();
                }
                wrong
            });
            let ended = machines.map(|machine| machine.wait_with_output().unwrap());
            done.store(true, Ordering::Relaxed);
            for machine in ended {
                let stderr = String::from_utf8_lossy(&machine.stderr);
                assert_eq!(machine.status.code(), Some(0), "{stderr}");
                row.went_on += 1;
                row.tried += 1;
            }
            row.wrong += reader.join().unwrap();
        });
        world.repairs(&mut row, &tables, &whole, &whole);
    }
    row.account();
}
