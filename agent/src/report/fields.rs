//! The journal's vocabulary: every field and every event, in one place. It is API: alarms and log
//! queries match on these names, so a name is never changed and never means something else.
//!
//! `journalctl -t firstlight -o verbose` shows them; `journalctl FIRSTLIGHT_EVENT=throttled` and
//! `journalctl MESSAGE_ID=…` pick one kind of line. `PRIORITY` is 3 for errors, 4 for warnings, 5 for
//! what people want to read, 6 for detail.
//!
//! To add a field or an event: a variant here; the compiler asks for its name, the tests for the rest.

/// A structured field of a journal entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// Which [`Event`] the line is, by name: `stage_ended`. On every line.
    Event,
    /// The instance's id, as soon as it is known: `i-0123456789abcdef0`.
    Instance,
    /// The stage under way, by its stable name: `pull`.
    Stage,
    /// Why, as one stable word: `image_unknown`. See [`crate::verdict::Reason`].
    Reason,
    /// A duration, in milliseconds.
    Milliseconds,
    /// A call to a service: `ssm:GetParameters`.
    Call,
    /// How many attempts a call has had, from 1.
    Attempt,
    /// What is left until a call's deadline, in milliseconds.
    LeftMilliseconds,
    /// An image as the spec names it: `ghcr.io/acme/web:42`.
    Image,
    /// What an image turned out to be: `ghcr.io/acme/web@sha256:…`, or an image id.
    Digest,
    /// Bytes downloaded so far.
    Bytes,
    /// Bytes to download in all, as far as known.
    BytesTotal,
    /// A container's name, which is its service's or task's.
    Container,
    /// Docker's id of a container.
    ContainerId,
    /// The Auto Scaling group's name.
    Group,
    /// A lifecycle hook's name.
    Hook,
    /// The verdict: `continue` or `abandon`.
    Verdict,
    /// Whom a verdict was told: `web/web-launch`, `stack web/Group`.
    Target,
    /// How telling it went: see [`super::status::Outcome`].
    Outcome,
    /// The process's exit code.
    Exit,
    /// A warning's stable name: `status_unwritable`.
    Warning,
    /// The launch's epoch; rises when the group launches the same instance again.
    Epoch,
    /// The kernel's boot id.
    Boot,
    /// What kind of transition this is: `launch`, `warm_enter`, `warm_return`, `terminate`.
    Transition,
    /// What EC2 announces: `spot`, `rebalance`, `maintenance`.
    Notice,
    /// How often.
    Times,
    /// Where the evidence of a failure lies: `s3://…`.
    Evidence,
}

impl Field {
    /// Every field, for the reference and for tests.
    pub const ALL: &'static [Field] = &[
        Field::Event,
        Field::Instance,
        Field::Stage,
        Field::Reason,
        Field::Milliseconds,
        Field::Call,
        Field::Attempt,
        Field::LeftMilliseconds,
        Field::Image,
        Field::Digest,
        Field::Bytes,
        Field::BytesTotal,
        Field::Container,
        Field::ContainerId,
        Field::Group,
        Field::Hook,
        Field::Verdict,
        Field::Target,
        Field::Outcome,
        Field::Exit,
        Field::Warning,
        Field::Epoch,
        Field::Boot,
        Field::Transition,
        Field::Notice,
        Field::Times,
        Field::Evidence,
    ];

    /// The name in the journal.
    pub fn as_str(self) -> &'static str {
        match self {
            Field::Event => "FIRSTLIGHT_EVENT",
            Field::Instance => "FIRSTLIGHT_INSTANCE",
            Field::Stage => "FIRSTLIGHT_STAGE",
            Field::Reason => "FIRSTLIGHT_REASON",
            Field::Milliseconds => "FIRSTLIGHT_MILLISECONDS",
            Field::Call => "FIRSTLIGHT_CALL",
            Field::Attempt => "FIRSTLIGHT_ATTEMPT",
            Field::LeftMilliseconds => "FIRSTLIGHT_LEFT_MS",
            Field::Image => "FIRSTLIGHT_IMAGE",
            Field::Digest => "FIRSTLIGHT_DIGEST",
            Field::Bytes => "FIRSTLIGHT_BYTES",
            Field::BytesTotal => "FIRSTLIGHT_BYTES_TOTAL",
            Field::Container => "FIRSTLIGHT_CONTAINER",
            Field::ContainerId => "FIRSTLIGHT_CONTAINER_ID",
            Field::Group => "FIRSTLIGHT_GROUP",
            Field::Hook => "FIRSTLIGHT_HOOK",
            Field::Verdict => "FIRSTLIGHT_VERDICT",
            Field::Target => "FIRSTLIGHT_TARGET",
            Field::Outcome => "FIRSTLIGHT_OUTCOME",
            Field::Exit => "FIRSTLIGHT_EXIT",
            Field::Warning => "FIRSTLIGHT_WARNING",
            Field::Epoch => "FIRSTLIGHT_EPOCH",
            Field::Boot => "FIRSTLIGHT_BOOT",
            Field::Transition => "FIRSTLIGHT_TRANSITION",
            Field::Notice => "FIRSTLIGHT_NOTICE",
            Field::Times => "FIRSTLIGHT_TIMES",
            Field::Evidence => "FIRSTLIGHT_EVIDENCE",
        }
    }
}

/// What kind of thing a journal entry says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A stage begins.
    StageStarted,
    /// A stage is over and went well.
    StageEnded,
    /// A stage is over and failed, or was cut off.
    StageFailed,
    /// A call failed and will be tried again.
    Retrying,
    /// The same, and the service asked for slower calls.
    Throttled,
    /// How far a pull is; at most one line an image and ten seconds.
    Pulling,
    /// A pull is over.
    Pulled,
    /// Something happened to a container.
    Container,
    /// A line that a task printed.
    Task,
    /// A probe saw something new.
    Probe,
    /// The instance knows who it is.
    Identified,
    /// Which transition of the instance this launch is.
    Began,
    /// Which group and hooks the verdict goes to, or that there is none.
    Group,
    /// A heartbeat was taken.
    Heartbeat,
    /// The verdict is decided.
    Verdict,
    /// The agent did, or began, something that its state asked for: an effect's name.
    Effect,
    /// Somebody was told the verdict, or could not be.
    Delivered,
    /// The agent's work on this launch is over.
    Ended,
    /// Something to know.
    Info,
    /// Something to worry about.
    Warning,
    /// The evidence of a failure is stored, or is not.
    Evidence,
    /// The agent has nothing more to do for now, and watches.
    Resting,
    /// EC2 announces something.
    Notice,
    /// A service exited and was started again.
    Restarted,
    /// A service exits again and again.
    KeepsDying,
    /// The services are stopped.
    Drained,
}

impl Event {
    /// Every event, for the reference and for tests.
    pub const ALL: &'static [Event] = &[
        Event::StageStarted,
        Event::StageEnded,
        Event::StageFailed,
        Event::Retrying,
        Event::Throttled,
        Event::Pulling,
        Event::Pulled,
        Event::Container,
        Event::Task,
        Event::Probe,
        Event::Identified,
        Event::Began,
        Event::Group,
        Event::Heartbeat,
        Event::Verdict,
        Event::Effect,
        Event::Delivered,
        Event::Ended,
        Event::Info,
        Event::Warning,
        Event::Evidence,
        Event::Resting,
        Event::Notice,
        Event::Restarted,
        Event::KeepsDying,
        Event::Drained,
    ];

    /// The value of `FIRSTLIGHT_EVENT`.
    pub fn as_str(self) -> &'static str {
        self.names().0
    }

    /// The value of `MESSAGE_ID`, by which systemd's own tools tell messages apart.
    pub fn message_id(self) -> &'static str {
        self.names().1
    }

    fn names(self) -> (&'static str, &'static str) {
        match self {
            Event::StageStarted => ("stage_started", "a639268dadfe4418ab914cb9b3f861bd"),
            Event::StageEnded => ("stage_ended", "2183700acfa64721b246691be938bbea"),
            Event::StageFailed => ("stage_failed", "3406264d074d4caaa65668d5c452a8ac"),
            Event::Retrying => ("retrying", "2be88b9ce30e443c9800f0e55cbf430c"),
            Event::Throttled => ("throttled", "55631baeecb64564ace2815a41d946cf"),
            Event::Pulling => ("pulling", "0fe8495c74a94bdea24546959de19b3a"),
            Event::Pulled => ("pulled", "51a170c402f0479da5c6b19f2b7d2779"),
            Event::Container => ("container", "b52e6bf8f80a476d997fcebc270888e2"),
            Event::Task => ("task", "3ecdba2d7648498bab078d396d538d66"),
            Event::Probe => ("probe", "f1d7539953954addaeb2adcd829d941a"),
            Event::Identified => ("identified", "f0603fbf381d4a04832452379fbd325c"),
            Event::Began => ("began", "17296d4b82be4d88a18c69bf9cd4e8b5"),
            Event::Group => ("group", "487c28eeac31403684d72e7b5062c9ad"),
            Event::Heartbeat => ("heartbeat", "8faa8e3daed34e7c959d5b6e1f52789c"),
            Event::Verdict => ("verdict", "3b07c9ad697a46ecb58bf693aec1efe2"),
            Event::Effect => ("effect", "bd6818b2da4446a48da4de7c91ef0a25"),
            Event::Delivered => ("delivered", "ab0a4fd4147a447e92eb93ba7c54d93d"),
            Event::Ended => ("ended", "20f2dd531f964e9ab2355e15017e148f"),
            Event::Info => ("info", "0f70d88175144715a8849382568fc7b9"),
            Event::Warning => ("warning", "c9546f6b1d3b49a9ae692a75ff4e420e"),
            Event::Evidence => ("evidence", "9da737b17cef4f808f3fb725b3af6161"),
            Event::Resting => ("resting", "789847419adf4a55bf848782b4b9ac8f"),
            Event::Notice => ("notice", "456c87e574e34d2191c2a46875fe4095"),
            Event::Restarted => ("restarted", "0c547aac9442449dbc315756bd3a2009"),
            Event::KeepsDying => ("keeps_dying", "2f8bb31fec454731a259e270454b21fa"),
            Event::Drained => ("drained", "454bbd91b9384229958f853cd338cb24"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_catalogue_is_whole_and_its_names_are_one_each() {
        assert_eq!(Field::ALL.len(), Field::Evidence as usize + 1);
        assert_eq!(Event::ALL.len(), Event::Drained as usize + 1);
        let fields: BTreeSet<_> = Field::ALL.iter().map(|field| field.as_str()).collect();
        let events: BTreeSet<_> = Event::ALL.iter().map(|event| event.as_str()).collect();
        let ids: BTreeSet<_> = Event::ALL.iter().map(|event| event.message_id()).collect();
        assert_eq!(fields.len(), Field::ALL.len());
        assert_eq!(
            (events.len(), ids.len()),
            (Event::ALL.len(), Event::ALL.len())
        );
    }

    #[test]
    fn the_reference_tells_every_name() {
        let reference = include_str!("../../README.md");
        let (_, journal) = reference.split_once("\n## Journal\n").unwrap();
        let told: BTreeSet<&str> = journal
            .lines()
            .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
            .flat_map(|names| names.split(", "))
            .filter_map(|name| name.strip_prefix('`')?.strip_suffix('`'))
            .collect();
        let fields = Field::ALL.iter().map(|field| field.as_str());
        let events = Event::ALL.iter().map(|event| event.as_str());
        assert_eq!(told, fields.chain(events).collect());
    }

    /// `journal_field_valid` of systemd: letters, digits and underscores, at most 64 bytes; anything
    /// else would be renamed on the way. A MESSAGE_ID is 128 bits in hexadecimal.
    #[test]
    fn journald_takes_every_name_as_it_is() {
        for field in Field::ALL {
            let name = field.as_str();
            assert!(
                name.starts_with("FIRSTLIGHT_") && name.len() <= 64,
                "{name}"
            );
            assert!(
                name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'),
                "{name}"
            );
        }
        for id in Event::ALL.iter().map(|event| event.message_id()) {
            assert!(
                id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()),
                "{id}"
            );
        }
    }
}
