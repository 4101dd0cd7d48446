//! Names of extras and of what they give, and where they lead in a circle.

use super::refused;

#[test]
fn a_name_is_used_once_and_well_formed() {
    let of_file: [(&str, &str, &[&str]); 5] = [
        (
            "stages:\n",
            "  - {name: db, template: own/db.yaml}\nstages:\n",
            &["an extra is called `db` already"],
        ),
        ("name: db", "name: Db", &["`name` must be", "lab.yaml:6:11"]),
        (
            "[network, intake]",
            "[network, intake, network]",
            &["`network` is in the list twice", "lab.yaml:8:"],
        ),
        (
            "[Endpoint,",
            "[Endpoint, Endpoint,",
            &["`Endpoint` is in the list twice", "lab.yaml:9:"],
        ),
        (
            "[Endpoint,",
            "[End-point, Endpoint,",
            &["must be the name of an output in the template"],
        ),
    ];
    for (old, new, says) in of_file {
        refused(&[(old, new)], &[], says);
    }
}

#[test]
fn a_circle_of_parameters_alone_is_seen() {
    refused(
        &[
            ("    needs: [network, intake]\n", ""),
            ("${work.QueueUrl}", "${use.QueueUrl}"),
        ],
        &[],
        &[
            "circle: `db` needs `use` (`${use.QueueUrl}`), `use` needs `db`",
            "(`${db.Endpoint}`)",
            "lab.yaml:9:38",
        ],
    );
}

#[test]
fn a_function_is_refused_what_is_not_given() {
    let before = "environment: {HOST: '${db.Endpoint}', TEXT: '$${db.Endpoint}'}\n";
    for (old, new) in [
        (before, "environment: {HOST: '${db.Port}'}\n"),
        (
            "        secrets: {LOGIN: '${db.SecretArn}'}\n",
            "        secrets: {LOGIN: '${db.Port}'}\n",
        ),
    ] {
        refused(&[(old, new)], &[], &["doesn't give `Port`", "stages[1].workers.lambda"]);
    }
}
