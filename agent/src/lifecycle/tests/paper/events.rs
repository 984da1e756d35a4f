//! What may happen in a state.

use super::super::*;
use crate::lifecycle::work::wanted;

/// Something that may happen.
pub(super) enum Happening {
    /// Killed, and started again; in the next boot, too.
    Started { rebooted: bool },
    /// An event, as the table calls it.
    Event(String, Event),
}

impl Happening {
    pub(super) fn name(&self) -> String {
        match self {
            Happening::Started { rebooted: false } => "Started".into(),
            Happening::Started { rebooted: true } => "Started in a new boot".into(),
            Happening::Event(name, _) => name.clone(),
        }
    }

    /// Lets it happen.
    pub(super) fn happen(self, life: &mut Life) -> Vec<Effect> {
        let event = match self {
            Happening::Started { rebooted } => {
                let at = life.record.facts.target.clone().map(String::from);
                life.again(rebooted, &at.unwrap_or_default());
                Event::Started
            }
            Happening::Event(_, event) => event,
        };
        life.asks(event)
    }

    /// The event's name in the code.
    pub(super) fn word(&self) -> String {
        match self {
            Happening::Started { .. } => "Started".into(),
            Happening::Event(_, event) => words::variant(event),
        }
    }
}

/// What may happen in this life. What the driver cannot tell in a state is left out: a work's end where
/// none is under way, a delivery's where nobody is told.
pub(super) fn possible(life: &Life) -> Vec<Happening> {
    let record = &life.record;
    let decided = record.verdict().is_some();
    let mut all = vec![];
    let mut add = |name: &str, event| all.push(Happening::Event(name.to_owned(), event));
    add("Target(InService)", headed("InService"));
    add("Target(Standby)", headed("Standby"));
    add("Target(Warmed:…)", headed("Warmed:Stopped"));
    add("Target(Terminated)", headed("Terminated"));
    add("Target(unknown)", headed("unknown"));
    add("Noticed(spot)", noticed("spot"));
    add("Noticed(rebalance)", noticed("rebalance"));
    add("Noticed(nothing)", noticed(""));
    add("Missed", Event::Missed);
    match wanted(record) {
        Some(Work::Launch | Work::Prepare) => {
            let spec = configured(true, &[Notice::Spot], true);
            add("Learned(Configured)", spec);
            add("Learned(Resolved)", resolved());
            add("Learned(Pulled)", Event::Learned(Fact::Pulled([].into())));
            add("NotForUs", Event::NotForUs);
            add("Worked(failed)", failed());
        }
        Some(Work::Keep) => add("Learned(Dying)", Event::Learned(Fact::Dying("web".into()))),
        Some(Work::Drain(_)) | None => {}
    }
    match wanted(record) {
        Some(Work::Launch) => add("Worked(Healthy)", healthy()),
        Some(Work::Prepare) => add("Worked(Prepared)", prepared()),
        Some(Work::Drain(_)) => add("Worked(Drained)", drained()),
        Some(Work::Keep) | None => {}
    }
    let known = match &record.state {
        State::Undecided { recipients } => recipients.is_some(),
        State::Decided { deliveries, .. } => deliveries.is_some(),
    };
    if !known {
        let reason = Reason::HookUnknown;
        add("Joined", joined("a"));
        add("Joined, nobody waits", alone());
        add("Joined(failed)", unjoined(reason, Some("a")));
        add("Joined(failed), nobody known", unjoined(reason, None));
    }
    if decided && known && !record.is_told() && !record.facts.collecting {
        add("Signalled", told("a"));
        add("Signalled, denied", refused("a", Reason::SignalDenied));
        add(
            "Signalled, in vain",
            refused("a", Reason::SignalUndelivered),
        );
    }
    if record.facts.collecting {
        add("Collected", Event::Collected);
    }
    let abandoned = matches!(record.verdict(), Some(Verdict::Abandon(_)));
    if abandoned && (record.is_told() || !known) && !record.facts.stopped {
        add("Stopped", Event::Stopped);
    }
    if decided && !abandoned && record.is_told() && life.kind() == Kind::Launch {
        let found = |state: &str| Event::Found(Some(state.into()));
        add("Found(Pending…)", found("Pending:Wait"));
        add("Found(anything else)", found("InService"));
    }
    // A verdict that was told is on disk; one that is being told, or could not be written, may not be.
    if decided {
        add("NotPersisted, the verdict is", not_persisted(true));
    }
    if !record.is_told() || abandoned || !life.kind().is_entry() {
        add("NotPersisted", not_persisted(false));
    }
    add("Terminate", Event::Terminate);
    add("ShuttingDown", Event::ShuttingDown);
    all.push(Happening::Started { rebooted: false });
    all.push(Happening::Started { rebooted: true });
    all
}
