//! A build with `--no-default-features`: the bot works completely, and the commands of the workshop say which build has them.

use crate::commands::Place;

#[test]
fn the_workshops_commands_are_refused_with_the_build_that_has_them() {
    let place = Place::new("");
    for arguments in [
        &["train", "generator", "--data", "texts.txt", "--output", "mine"][..],
        &["evaluate", "voice"],
        &["dataset", "compose", "--help"],
    ] {
        let ran = place.run(arguments);
        assert_eq!(ran.code, 1, "{ran:#?}");
        assert!(ran.stderr.contains(&format!("this build has no `{}`", arguments[0])), "{ran:#?}");
        assert!(ran.stderr.contains("cargo build --release"), "{ran:#?}");
    }
}

#[test]
fn help_lists_the_bots_commands_alone() {
    let place = Place::new("");
    let help = place.run(&["--help"]).stdout;
    for command in ["run", "once", "generate", "inspect", "review", "models", "doctor"] {
        assert!(help.contains(&format!("\n  {command} ")), "{command}: {help}");
    }
    for command in ["train", "evaluate", "dataset"] {
        assert!(!help.contains(&format!("\n  {command} ")), "{command}: {help}");
    }
    assert!(!place.run(&["generate", "--help"]).stdout.contains("--sweep"));
    assert!(!place.run(&["models", "--help"]).stdout.contains("verbatim "));
}

#[test]
fn the_built_in_models_write_and_judge() {
    let place = Place::new("");
    let ran = place.run(&["--json", "generate", "--prompt", "La vacuna", "-n", "4", "--rng-seed", "1"]);
    assert_eq!((ran.code, ran.json().len()), (0, 4), "{ran:#?}");
}
