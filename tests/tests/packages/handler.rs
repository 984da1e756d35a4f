//! cloud-init's handler: what the agent reads, it is silent about; of what nobody reads, it warns.

use std::process::Command;

use anyhow::Result;
use firstlight_tests::harness::binary;
use firstlight_tests::parts::repository;

use crate::made::prints;

const SERVICES: &str = r#"services: {web: {image: "x:1", health: {http: {port: 80}}}}"#;

/// Bodies that are a firstlight document, before its services.
const OURS: [&str; 12] = [
    "firstlight: 1\n",
    "\u{feff}firstlight: 1\n",
    "\r\nfirstlight: 1\r\n",
    "# note\n---\nfirstlight: 1\n",
    "%YAML 1.2\n---\nfirstlight: 1\n",
    "\"firstlight\" : 1\n",
    "'firstlight': 1\n",
    "? firstlight\n: 1\n",
    "? \"firstlight\"\n: 1\n",
    "  firstlight: 1\n  ",
    "{\n  # note\n  firstlight: 1,\n  ",
    "--- {\"firstlight\": 1, ",
];
const NOBODYS: [&str; 4] = ["hello, firstlight\n", "other: 1\n", "firstlights: 1\n", " "];

/// What cloud-init logs of a body, as its handler is called.
fn warned(body: &str) -> Result<bool> {
    let handler = repository().join("packaging/root/usr/share/firstlight/cloud-init-handler.py");
    let script = "import runpy, sys\n\
                  handler = runpy.run_path(sys.argv[1])\n\
                  warned = []\n\
                  handler['LOG'].warning = lambda *words: warned.append(words)\n\
                  for payload in (sys.argv[2], sys.argv[2].encode()):\n    \
                      handler['handle_part'](None, 'text/x-not-multipart', 'part-001', payload)\n\
                  handler['handle_part'](None, '__begin__', None, None)\n\
                  handler['handle_part'](None, 'text/firstlight', 'part-001', sys.argv[2])\n\
                  print(len(warned))";
    // Nothing may be written beside it.
    let arguments = ["-B", "-c", script, handler.to_str().unwrap(), body];
    Ok(match prints("python3", &arguments)?.trim() {
        "0" => false,
        "2" => true,
        other => panic!("{body:?}: {other} warnings"),
    })
}

#[test]
fn it_knows_the_documents_that_the_agent_reads() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("user-data");
    for start in OURS {
        let end = if start.contains('{') { "}\n" } else { "\n" };
        let body = format!("{start}{SERVICES}{end}");
        std::fs::write(&file, &body)?;
        let check = Command::new(binary()?).arg("check").arg(&file).output()?;
        assert!(check.status.success(), "{body:?}: {check:?}");
        assert!(!warned(&body)?, "{body:?}");
    }
    for body in NOBODYS {
        assert!(warned(body)?, "{body:?}");
    }
    Ok(())
}
