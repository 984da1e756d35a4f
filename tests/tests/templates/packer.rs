//! `ami/firstlight.pkr.hcl`: by Debian's Packer, without the lines that it doesn't know, and in what only these lines say.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context as _, Result, ensure};
use firstlight_tests::parts::repository;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::tools::{file, prints, python, read};

const TEMPLATE: &str = "ami/firstlight.pkr.hcl";
const README: &str = "ami/README.md";

/// Both machines' packages by their real names, of a small stand-in for the binary.
fn packages() -> &'static Path {
    static MADE: OnceLock<TempDir> = OnceLock::new();
    let make = || -> Result<TempDir> {
        let folder = TempDir::with_prefix("firstlight-packages-")?;
        let binary = file("", b"#!/bin/sh\n")?;
        for machine in ["x86_64", "aarch64"] {
            let mut package = Command::new(repository().join("packaging/package"));
            package.arg(machine).arg(binary.path());
            prints(package.arg(folder.path()))?;
        }
        Ok(folder)
    };
    MADE.get_or_init(|| make().unwrap()).path()
}

/// Whether the template passes without the lines that the README lists, and all that was said about it.
fn validate(template: &str, readme: &str) -> Result<(bool, String)> {
    let (template, readme) = (
        file(".pkr.hcl", template.as_bytes())?,
        file(".md", readme.as_bytes())?,
    );
    let mut validate = Command::new(repository().join("ami/validate"));
    // Packer lies in the set-up's folder, which comes first in PATH of everything that is started by `make`.
    let path = std::env::var("PATH").unwrap_or_default();
    let own = repository().join(".setup/bin");
    validate.env("PATH", format!("{}:{path}", own.display()));
    validate
        .arg(packages())
        .args([template.path(), readme.path()]);
    let output = validate.output()?;
    let said = [output.stdout, output.stderr].concat();
    Ok((
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
    ))
}

/// The same text with something else in place of this, which is there.
fn with(text: &str, this: &str, that: &str) -> Result<String> {
    ensure!(text.contains(this), "{this:?} is not there");
    Ok(text.replacen(this, that, 1))
}

#[test]
fn the_template_is_sound_but_for_the_listed_lines() -> Result<()> {
    let (sound, said) = validate(&read(TEMPLATE)?, &read(README)?)?;
    ensure!(sound, "{said}");
    Ok(())
}

/// The lines that the README lists, in pieces of one block or one line each.
fn left_out(readme: &str) -> Result<Vec<String>> {
    let (_, list) = readme.split_once("```hcl left-out\n").context("a list")?;
    let (list, _) = list.split_once("```").context("its end")?;
    let mut pieces = Vec::new();
    let mut piece = String::new();
    let mut depth = 0_usize;
    for line in list.lines() {
        piece = format!("{piece}{line}\n");
        depth += line.matches('{').count();
        depth -= line.matches('}').count();
        if depth == 0 {
            pieces.push(std::mem::take(&mut piece));
        }
    }
    Ok(pieces)
}

/// Every piece of the list is one that this Packer refuses: none is left out for nothing.
#[test]
fn no_line_is_left_out_for_nothing() -> Result<()> {
    let (template, readme) = (read(TEMPLATE)?, read(README)?);
    let pieces = left_out(&readme)?;
    assert_eq!(pieces.len(), 3, "{pieces:#?}");
    for piece in pieces {
        let (sound, said) = validate(&template, &with(&readme, &piece, "")?)?;
        ensure!(!sound && said.contains("rror"), "{piece} is taken: {said}");
    }
    Ok(())
}

#[test]
fn a_list_of_other_lines_fails() -> Result<()> {
    let (template, readme) = (read(TEMPLATE)?, read(README)?);
    let hop = "    http_put_response_hop_limit = 1\n";
    for (of_template, of_list) in [
        // The list has a line that the template has not.
        (
            template.clone(),
            with(&readme, hop, "    http_put_response_hop_limit = 2\n")?,
        ),
        (with(&template, hop, "")?, readme.clone()),
        // The template has one that the list has not.
        (
            with(
                &template,
                "  imds_support = \"v2.0\"\n",
                "  imds_support = \"v2.0\"\n  deprecate_at = \"2030-01-01T00:00:00Z\"\n",
            )?,
            readme.clone(),
        ),
        // There is no list.
        (
            template.clone(),
            with(&readme, "```hcl left-out", "```hcl")?,
        ),
    ] {
        let (sound, said) = validate(&of_template, &of_list)?;
        ensure!(!sound && !said.is_empty(), "{said}");
    }
    Ok(())
}

#[test]
fn a_broken_template_fails() -> Result<()> {
    let (template, readme) = (read(TEMPLATE)?, read(README)?);
    for (this, that, found) in [
        (
            "  encrypt_boot = true\n",
            "  encrypt_root = true\n",
            "\"encrypt_root\" is not expected",
        ),
        (
            "  encrypt_boot = true\n",
            "  encrypt_boot = \"perhaps\"\n",
            "a bool is required",
        ),
        (
            "region               = var.region",
            "region               = var.place",
            "named \"place\"",
        ),
        (
            "      owners      = [\"amazon\"]\n",
            "",
            "must declare an owner",
        ),
        ("-1.aarch64.rpm", "-1.arm64.rpm", "-1.arm64.rpm"),
        (
            "    debian-arm64  = \"firstlight_${var.version}_arm64.deb\"\n",
            "",
            "Invalid index",
        ),
        (
            "${path.root}/provision\"",
            "${path.root}/prepare\"",
            "prepare",
        ),
        ("\n}\n\nbuild {", "\n\nbuild {", "definition required"),
        (
            "  encrypt_boot = true",
            "  encrypt_boot= true",
            "`packer fmt`",
        ),
    ] {
        let (sound, said) = validate(&with(&template, this, that)?, &readme)?;
        ensure!(
            !sound && said.contains(found),
            "{that:?} for {this:?}: {said}"
        );
    }
    Ok(())
}

/// What no Packer judges here: all three distributions for both machines, and what the lines say that are left out.
#[test]
fn each_image_is_encrypted_tagged_and_answers_over_one_hop() -> Result<()> {
    let mut parse = Command::new(python("hcl2tojson")?);
    parse.args(["--quiet", "--strip-string-quotes", "--no-explicit-blocks"]);
    let parsed: Value = serde_json::from_str(&prints(parse.arg(repository().join(TEMPLATE)))?)?;
    let image = &parsed["source"][0]["amazon-ebs"]["image"];
    let metadata = json!([{"http_endpoint": "enabled", "http_tokens": "required", "http_put_response_hop_limit": 1}]);
    assert_eq!(image["metadata_options"], metadata);
    assert_eq!(image["imds_support"], "v2.0");
    assert_eq!(image["encrypt_boot"], json!(true));
    let tags =
        json!({"firstlight-version": "${var.version}", "firstlight-commit": "${var.commit}"});
    assert_eq!(parsed["locals"][0]["tags"], tags);
    for place in ["tags", "snapshot_tags"] {
        let tags = image[place].as_str().context(place)?;
        ensure!(tags.contains("local.tags"), "{place}: {tags}");
    }
    let build = parsed["build"][0]["source"].as_array().context("sources")?;
    let mut built = Vec::new();
    for source in build {
        let source = &source["source.amazon-ebs.image"];
        let (name, filters) = (
            source["name"].as_str().context("a name")?,
            &source["source_ami_filter"][0]["filters"],
        );
        let (_, machine) = name.split_once('-').context("a machine")?;
        let base = filters["name"].as_str().context("a base")?;
        let amd = base.contains("x86_64") || base.contains("amd64");
        let (of_base, of_type) = if amd {
            ("x86_64", "t3.small")
        } else {
            ("arm64", "t4g.small")
        };
        assert_eq!(
            (of_base, of_type),
            (machine, source["instance_type"].as_str().unwrap()),
            "{name}"
        );
        built.push(name);
    }
    let all =
        ["al2023", "ubuntu", "debian"].map(|it| [format!("{it}-x86_64"), format!("{it}-arm64")]);
    assert_eq!(built, all.concat());
    Ok(())
}

/// A provisioner's variables stand in the arguments of the shell that Packer starts, which everybody on its machine can read.
#[test]
fn the_builders_key_is_in_no_argument() -> Result<()> {
    let template = read(TEMPLATE)?;
    let mut parse = Command::new(python("hcl2tojson")?);
    parse.args(["--quiet", "--strip-string-quotes", "--no-explicit-blocks"]);
    let parsed: Value = serde_json::from_str(&prints(parse.arg(repository().join(TEMPLATE)))?)?;
    let provisioners = parsed["build"][0]["provisioner"].as_array();
    for provisioner in provisioners.context("provisioners")? {
        let variables = provisioner["shell-local"]["environment_vars"].to_string();
        ensure!(!variables.contains("SSHPrivateKey"), "{variables}");
    }
    ensure!(template.matches("${build.SSHPrivateKey}").count() == 1);
    Ok(())
}
