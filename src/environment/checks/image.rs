//! What instances start from, and what runs on them.

use super::Checks;
use crate::environment::problem::Problem;
use crate::environment::{Image, Instances};

pub(super) fn check(checks: &mut Checks, at: &str, instances: &Instances) {
    root_device(checks, at, instances);
    match &instances.program {
        Some(program) => with_a_program(checks, at, instances, program),
        None => without_a_program(checks, at, instances),
    }
}

fn root_device(checks: &mut Checks, at: &str, instances: &Instances) {
    let known = Image::of(&instances.image).known_root_device();
    if let (Some(known), Some(_)) = (known, &instances.root_device) {
        let message = format!("the root device of the image `{}` is known: {known}", instances.image);
        let problem = Problem::new(format!("{at}/root_device"), message);
        let problem = problem.help("remove `root_device`: it's for images of one's own");
        checks.note(problem.on_key(), &[&format!("{at}/image")]);
    }
}

fn with_a_program(checks: &mut Checks, at: &str, instances: &Instances, program: &str) {
    self::program(checks, at, program);
    if instances.settings.is_some() {
        let problem = Problem::new(format!("{at}/settings"), "a program always gets its settings");
        let problem = problem.help("remove `settings`: it's for images that bring their worker");
        checks.note(problem.on_key(), &[&format!("{at}/program")]);
    }
}

pub(super) fn program(checks: &mut Checks, at: &str, program: &str) {
    if program.starts_with('~') {
        checks.note(
            Problem::new(format!("{at}/program"), "`~` is not expanded here")
                .help("write a path relative to this file, or a full one"),
            &[],
        );
    }
}

fn without_a_program(checks: &mut Checks, at: &str, instances: &Instances) {
    let at_program = format!("{at}/program");
    if Image::of(&instances.image).is_bare() {
        let message = format!(
            "`program` is missing: the image `{}` has no worker on it",
            instances.image
        );
        checks.note(
            Problem::new(at, message).help(
                "name the program's folder, such as `program: ../examples/mover`; or name an `image` of your own that starts \
                 its worker",
            ),
            &[&at_program, &format!("{at}/image")],
        );
    }
    if !instances.secrets.is_empty() {
        let problem = Problem::new(
            format!("{at}/secrets"),
            "`secrets` needs a `program`: an image that brings its worker reads its secrets itself",
        );
        let problem = problem.help("remove it, and give the role what the image needs with `policies`");
        checks.note(problem.on_key(), &[&at_program]);
    }
    if instances.settings.is_some() && !instances.environment.is_empty() {
        let problem = Problem::new(
            format!("{at}/environment"),
            "with `settings: none` nothing on the instances learns of `environment`",
        );
        let problem = problem.help("remove one of the two");
        checks.note(problem.on_key(), &[&format!("{at}/settings")]);
    }
}
