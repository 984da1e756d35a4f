//! The one `select!`: performs the effects that `lifecycle` asks for, in order.
