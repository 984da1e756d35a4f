//! What may happen at any moment, besides what is due.

use firstlight::lifecycle::{Notice, Work};
use firstlight_tests::stage::{Group, Hook, Lifecycle};

use crate::machine::{Power, Switch};
use crate::world::{SECOND, World};

impl World<'_> {
    /// Chance may have something happen now, or somewhere before what is due next.
    pub(crate) fn chaos(&mut self) -> bool {
        let what = self.tape.draw(96);
        if what == 0 || what > 40 || self.machine.power == Power::Gone {
            return false;
        }
        let due = self.next_at();
        let rest = due.map_or(60 * SECOND, |due| due.saturating_sub(self.now));
        self.now += match self.tape.draw(4) {
            0 => 0,
            1 => rest / 2,
            2 => rest.min(SECOND),
            _ => rest.saturating_sub(1),
        };
        match what {
            1..=6 => self.machine_chaos(what),
            7..=14 => self.network_chaos(what),
            15..=20 => self.notice(what),
            21 | 22 => self.service_dies(what),
            _ => self.group_chaos(what),
        }
        true
    }

    fn machine_chaos(&mut self, what: usize) {
        let on = self.machine.power == Power::On;
        let agent = self.agent.is_some() && on;
        match what {
            1 if agent => self.crash("SIGKILL"),
            2 if on => {
                self.tell(|| "the power fails".to_owned());
                self.down(Switch::Reboot);
            }
            3 if on && self.machine.stopping.is_none() => self.shut_down(Switch::Reboot),
            4 if agent => {
                self.tell(|| "systemctl restart firstlight".to_owned());
                self.asked(false);
                while self.perform_next() {}
                if self.machine.stopping.is_none() && self.machine.power == Power::On {
                    self.crash("it did not leave");
                }
            }
            5 => {
                let step = [3600, -3600, 86_400 * 365, -86_400 * 365][self.tape.draw(4)] * 1000;
                self.tell(|| format!("the wall clock steps by {} s", step / 1000));
                self.machine.stepped += step;
            }
            6 if on && self.start_at.is_none() && self.agent.is_none() => {
                self.tell(|| "somebody starts the agent".to_owned());
                self.start_at = Some(self.now);
            }
            _ => {}
        }
    }

    fn network_chaos(&mut self, what: usize) {
        let net = &mut self.net;
        match what {
            7 | 8 => net.aws = !net.aws,
            9 | 10 => net.throttled = !net.throttled,
            11 => net.describe = !net.describe,
            12 => {
                let seen = self.tape.draw(2) == 1;
                net.turn_metadata(self.now, seen);
            }
            _ => self.machine.disk_full = !self.machine.disk_full,
        }
        let words = format!("{:?}, disk full: {}", self.net, self.machine.disk_full);
        self.tell(|| words);
    }

    fn notice(&mut self, what: usize) {
        let notice = match what {
            15 | 16 => Notice::Spot,
            17 | 18 => Notice::Rebalance,
            _ => Notice::Maintenance,
        };
        if self.notices.remove(&notice).is_none() {
            let clock = self.machine.clock(self.now);
            self.notices.insert(notice, Some(clock.wall_ms + 120_000));
        }
        let notices = format!("EC2 announces {:?}", self.notices);
        self.tell(|| notices);
    }

    fn service_dies(&mut self, what: usize) {
        if !self.machine.serving || self.machine.power != Power::On {
            return;
        }
        self.tell(|| "a service dies, and dies again".to_owned());
        let keeps = self.agent.as_ref().is_some_and(|agent| {
            agent
                .running
                .work
                .as_ref()
                .is_some_and(|w| w.work == Work::Keep)
        });
        if keeps && what == 22 {
            self.die();
        }
    }

    /// An order to the group; of those that it would take now, where there are any.
    fn group_chaos(&mut self, what: usize) {
        let state = self.state();
        let rests = match self.machine.power {
            Power::On => !matches!(
                state,
                Some(Lifecycle::WarmedStopped | Lifecycle::WarmedHibernated)
            ),
            Power::Off | Power::Asleep => true,
            Power::Gone => false,
        };
        match what {
            23 | 24 => self.order("the group terminates the instance", Group::terminate),
            25..=28 if rests => {
                self.order("the group takes it out of its warm pool", Group::leave_pool)
            }
            29 | 30 => self.order(
                "the group returns it to its warm pool",
                Group::return_to_pool,
            ),
            31 => self.order("it is to stand by", Group::enter_standby),
            32 => self.order("it is to serve again", Group::leave_standby),
            33 => self.order("it is detached", Group::detach),
            34 | 35 => self.order("it is attached", Group::attach),
            36 => self.order("its root volume is to be replaced", Group::replace_root),
            37 => {
                let now = self.instant();
                let launching = self.tape.draw(2) == 0;
                let hook = if launching {
                    Hook::launching("up")
                } else {
                    Hook::terminating("down")
                };
                if self.group.hooks().iter().all(|is| is.name != hook.name)
                    && self.group.open_hooks().next().is_none()
                {
                    self.tell(|| format!("hook {} is made", hook.name));
                    self.group.add_hook(hook, now);
                    self.rules.hook_made(self.group.passage(now));
                }
            }
            38 if state == Some(Lifecycle::InService) => {
                let now = self.instant();
                self.tell(|| "the group invents a state".to_owned());
                self.group
                    .put(Lifecycle::Other("Quarantined"), Some("Quarantined"), now);
            }
            39 if state == Some(Lifecycle::Other("Quarantined")) => {
                let now = self.instant();
                self.tell(|| "and is itself again".to_owned());
                self.group.put(Lifecycle::InService, Some("InService"), now);
            }
            _ => {}
        }
    }

    fn next_at(&mut self) -> Option<u64> {
        self.next().map(|(at, _)| at)
    }
}
