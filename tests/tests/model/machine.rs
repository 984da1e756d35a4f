//! The machine under the agent: power, boots, clocks, disk, containers. And EC2, which switches it as the group wants.

use firstlight::imds::Identity;
use firstlight::lifecycle::{Now, Record};
use firstlight_tests::stage::{Edge, Group, Lifecycle};

use crate::world::{Due, MINUTE, SECOND, World};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Power {
    On,
    Off,
    /// Hibernated: the agent is frozen in the middle of whatever it does.
    Asleep,
    /// Terminated.
    Gone,
}

/// What is to be done with the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Switch {
    Off,
    Reboot,
    Hibernate,
    Start,
    Wake,
    /// Off, and on again from a new root volume.
    Replace,
}

#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) power: Power,
    pub(crate) boots: u32,
    booted_at: u64,
    asleep_at: u64,
    /// How long it slept in this boot.
    pub(crate) slept: u64,
    /// What the wall clock is off by.
    pub(crate) stepped: i64,
    /// The record on disk.
    pub(crate) disk: Option<Record>,
    pub(crate) disk_full: bool,
    /// Which image it was started from.
    pub(crate) image: usize,
    /// Containers run.
    pub(crate) serving: bool,
    /// …and were proven healthy since they started.
    pub(crate) proven: bool,
    /// They were so at some time in this boot.
    pub(crate) was_proven: bool,
    /// Images were pulled.
    pub(crate) pulled: bool,
    /// What is due to be done with it.
    pub(crate) switch: Option<(u64, Switch)>,
    /// It is going down: by when whatever still runs is killed, and for what.
    pub(crate) stopping: Option<(u64, Switch)>,
}

impl Machine {
    pub(crate) const fn new() -> Self {
        Self {
            power: Power::On,
            boots: 1,
            booted_at: 0,
            asleep_at: 0,
            slept: 0,
            stepped: 0,
            disk: None,
            disk_full: false,
            image: 1,
            serving: false,
            proven: false,
            was_proven: false,
            pulled: false,
            switch: None,
            stopping: None,
        }
    }

    pub(crate) fn identity(&self) -> Identity {
        Identity {
            instance_id: "i-1".to_owned(),
            image_id: format!("ami-{}", self.image),
            account: String::new(),
            region: String::new(),
            availability_zone: String::new(),
            instance_type: String::new(),
            architecture: String::new(),
        }
    }

    pub(crate) fn clock(&self, now: u64) -> Now {
        Now {
            wall_ms: (1_800_000_000_000 + now).saturating_add_signed(self.stepped),
            uptime_ms: now - self.booted_at,
            boot: format!("boot-{}", self.boots),
        }
    }

    pub(crate) fn stop_services(&mut self) {
        self.serving = false;
        self.proven = false;
    }
}

impl World<'_> {
    /// Does with the machine what the group's state asks for.
    pub(crate) fn ec2(&mut self) {
        let Some(state) = self.state() else { return };
        let power = self.machine.power;
        if matches!(state, Lifecycle::Terminated | Lifecycle::WarmedTerminated) {
            self.agent = None;
            self.start_at = None;
            self.machine.switch = None;
            self.machine.stopping = None;
            self.machine.power = Power::Gone;
            return;
        }
        if self.machine.switch.is_some() || self.machine.stopping.is_some() {
            return;
        }
        let leaving = self.edge() == Some(Edge::WarmLeave);
        let wanted = match (state, power) {
            (Lifecycle::WarmedStopped, Power::On) => Some((5, Switch::Off)),
            (Lifecycle::WarmedHibernated, Power::On) => Some((5, Switch::Hibernate)),
            (_, Power::Off) if leaving => Some((10, Switch::Start)),
            (_, Power::Asleep) if leaving => Some((10, Switch::Wake)),
            (Lifecycle::TerminatingProceed | Lifecycle::WarmedTerminatingProceed, Power::On) => {
                Some((1, Switch::Off))
            }
            (Lifecycle::RootVolumeReplaced, Power::On) => Some((10, Switch::Replace)),
            _ => None,
        };
        self.machine.switch = wanted.map(|(seconds, switch)| (self.now + seconds * SECOND, switch));
    }

    pub(crate) fn machine_due(&self) -> Option<(u64, Due)> {
        let gone = self.agent.is_none();
        let stopped = self
            .machine
            .stopping
            .map(|(by, _)| if gone { self.now } else { by });
        let next = stopped.or(self.machine.switch.map(|(at, _)| at));
        next.map(|at| (at, Due::Machine))
    }

    /// The next of what is due to be done with the machine.
    pub(crate) fn switched(&mut self) {
        if let Some((_, switch)) = self.machine.stopping.take() {
            self.kill("the machine is down");
            self.down(switch);
        } else if let Some((_, switch)) = self.machine.switch.take() {
            match switch {
                Switch::Off | Switch::Reboot | Switch::Replace => self.shut_down(switch),
                Switch::Hibernate => {
                    self.tell(|| "EC2 hibernates the machine".to_owned());
                    self.machine.power = Power::Asleep;
                    self.machine.asleep_at = self.now;
                }
                Switch::Start => self.boot(),
                Switch::Wake => self.wake(),
            }
        }
    }

    /// Begins a shutdown that gives the agent a minute and a half, as systemd does.
    pub(crate) fn shut_down(&mut self, switch: Switch) {
        self.tell(|| format!("the machine is shut down: {switch:?}"));
        self.start_at = None;
        self.machine.stopping = Some((self.now + MINUTE * 3 / 2, switch));
        self.machine.switch = None;
        if self.agent.is_some() {
            self.asked(true);
        }
    }

    /// It is off, by whatever way.
    pub(crate) fn down(&mut self, switch: Switch) {
        self.kill("the power is gone");
        self.start_at = None;
        self.machine.stopping = None;
        self.machine.power = Power::Off;
        self.machine.stop_services();
        match switch {
            Switch::Reboot => self.machine.switch = Some((self.now + 10 * SECOND, Switch::Start)),
            Switch::Replace => self.replace(),
            Switch::Off | Switch::Hibernate | Switch::Start | Switch::Wake => {}
        }
    }

    fn replace(&mut self) {
        self.tell(|| "the root volume is another image's".to_owned());
        self.machine.image += 1;
        self.machine.pulled = false;
        // Empty, or baked with a record by mistake; or the folder is on a volume that was kept.
        match (self.tape.draw(3), &mut self.machine.disk) {
            (1, Some(baked)) => baked.transition.instance_id = "i-baked".to_owned(),
            (2, Some(_)) => {}
            (_, disk) => *disk = None,
        }
        self.boot();
        self.order("the root volume is replaced", Group::root_replaced);
    }

    pub(crate) fn boot(&mut self) {
        self.tell(|| "the machine boots".to_owned());
        self.machine.power = Power::On;
        self.machine.boots += 1;
        self.machine.was_proven = false;
        self.in_vain = 0;
        self.machine.booted_at = self.now;
        self.machine.slept = 0;
        self.start_at = Some(self.now + 2 * SECOND);
    }

    fn wake(&mut self) {
        let slept = self.now - self.machine.asleep_at;
        self.tell(|| format!("the machine wakes after {} s", slept / SECOND));
        self.machine.power = Power::On;
        self.machine.slept += slept;
        if let Some(agent) = &mut self.agent {
            agent.slept(slept);
        }
        if let Some(at) = &mut self.start_at {
            *at += slept;
        }
    }
}
