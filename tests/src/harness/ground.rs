//! The parts that the scenarios of one test binary share: starting them for each would take most of the time.

use std::sync::{Arc, Weak};

use tokio::sync::Mutex;

use crate::parts::moto::Moto;
use crate::parts::registry::{Login, Registry};
use crate::stage::Instance;

/// The one that is in use. It ends with the last scenario that holds it.
static GROUND: Mutex<Weak<Ground>> = Mutex::const_new(Weak::new());

/// moto and a registry with authentication. Scenarios keep apart by the names of what they put there.
#[derive(Debug)]
pub struct Ground {
    /// In the region and account of [`Instance::default`].
    pub moto: Moto,
    /// Lets [`Ground::login`] in.
    pub registry: Registry,
    /// The user it asks for, with a password that every encoding changes.
    pub login: Login,
}

impl Ground {
    /// The one that others stand on, or a new one.
    ///
    /// # Errors
    /// If a part is missing or doesn't start.
    pub async fn shared() -> anyhow::Result<Arc<Self>> {
        let mut shared = GROUND.lock().await;
        if let Some(ground) = shared.upgrade() {
            return Ok(ground);
        }
        let login = Login::new("ci", "p@ss \"~?>/&$%41+w\\ord'");
        let region = Instance::default().region;
        let (moto, registry) = tokio::try_join!(
            Moto::start(&region),
            Registry::start(std::slice::from_ref(&login)),
        )?;
        let ground = Arc::new(Self {
            moto,
            registry,
            login,
        });
        *shared = Arc::downgrade(&ground);
        Ok(ground)
    }
}
