//! CloudFormation's SignalResource: the only call of it an instance makes.

use super::answer::{Answer, AwsError, Protocol};
use super::autoscaling::wrap;
use super::call::Call;
use super::instance::Instance;

const NAMESPACE: &str = "http://cloudformation.amazonaws.com/doc/2010-05-15/";

/// A signal a stack received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// The stack's name.
    pub stack: String,
    /// The logical id of the resource.
    pub resource: String,
    /// The sender, by convention the instance id.
    pub unique_id: String,
    /// `SUCCESS` or `FAILURE`
    pub status: String,
}

/// The stack on the stage.
#[derive(Debug)]
pub(super) struct Stack {
    pub(super) name: String,
    /// `CREATE_IN_PROGRESS`, …: only a stack in progress takes signals.
    pub(super) state: String,
    pub(super) signals: Vec<Signal>,
}

/// Answers a call; `None` where the stage has no part in the operation.
pub(super) fn answer(call: &Call, me: &Instance, stack: Option<&mut Stack>) -> Option<Answer> {
    if call.operation != "SignalResource" {
        return None;
    }
    let given = |name: &str| call.parameter(name).unwrap_or_default().to_owned();
    let signal = Signal {
        stack: given("StackName"),
        resource: given("LogicalResourceId"),
        unique_id: given("UniqueId"),
        status: given("Status"),
    };
    let refused = match stack.filter(|stack| stack.name == signal.stack) {
        None => Some(format!("Stack {} does not exist", signal.stack)),
        // Text from convox/rack#2432 and aws-cloudformation/aws-cloudformation-templates#34.
        Some(stack) if !stack.state.ends_with("_IN_PROGRESS") => Some(format!(
            "Stack arn:aws:cloudformation:{}:{}:stack/{}/7d2e3dd0-f5f3-11e7-93f5-50a686e4bb4a is in {} state and cannot be \
             signaled",
            me.region, me.account, stack.name, stack.state
        )),
        Some(stack) => {
            stack.signals.push(signal);
            None
        }
    };
    Some(refused.map_or_else(
        || wrap("SignalResource", NAMESPACE, ""),
        |message| AwsError::new(400, "ValidationError", message).write(Protocol::Query),
    ))
}
