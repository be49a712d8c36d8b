//! The process is killed, or asked to stop.

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::{Row, World, all, of_second_day};
use crate::support::command;

#[test]
fn a_process_may_die_at_any_moment() {
    let Some(world) = World::new("killed") else { return };
    let (whole, _) = world.undisturbed("whole");
    let begun = Instant::now();
    world.run("length").exits(0);
    let length = begun.elapsed();
    let moments = if all() { 40 } else { 4 };
    for signal in ["KILL", "TERM"] {
        let mut row = Row::new(format!("SIG{signal} at moments spread over the run"));
        for moment in 0..moments {
            let tables = format!("{signal}-{moment}");
            let at = world.bucket.url(&tables);
            let variables = world.bucket.variables();
            let mut command = command(world.project.path(), &variables, &of_second_day(&at));
            let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
            thread::sleep(length.mul_f64((f64::from(moment) + 0.5) / f64::from(moments)));
            let sent = Instant::now();
            let kill = [&format!("-{signal}"), &child.id().to_string()];
            assert!(Command::new("kill").args(kill).status().is_ok());
            let ended = child.wait_with_output().unwrap();
            let stderr = String::from_utf8_lossy(&ended.stderr).into_owned();
            let took = sent.elapsed();
            assert!(took < Duration::from_secs(20), "it took {took:?} to stop");
            row.tried += 1;
            match (signal, ended.status.code()) {
                // It had ended by itself.
                (_, Some(0)) => row.went_on += 1,
                ("KILL", None) => {}
                ("TERM", Some(143)) => {
                    assert!(stderr.contains("every partition that is there is whole"), "{stderr}");
                }
                // Before the command listens, the signal ends it as it ends any process.
                ("TERM", None) => {}
                (_, code) => panic!("SIG{signal}: {code:?}\n{stderr}"),
            }
            world.repairs(&mut row, &tables, &whole, &whole);
        }
        row.account();
    }
}
