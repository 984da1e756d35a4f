//! The Auto Scaling API in front of the group: what an instance calls, in the Query protocol.
//!
//! To add an operation: an arm in [`answer`].

use std::time::Instant;

use super::answer::{Answer, AwsError, Protocol, REQUEST_ID, escape};
use super::call::Call;
use super::group::{Group, Hook, Outcome, Subject};
use super::instance::Instance;

const NAMESPACE: &str = "http://autoscaling.amazonaws.com/doc/2011-01-01/";

/// Answers a call; `None` where the stage has no part in the operation.
pub(super) fn answer(
    call: &Call,
    me: &Instance,
    group: Option<&mut Group>,
    now: Instant,
) -> Option<Answer> {
    let result = match call.operation.as_str() {
        "CompleteLifecycleAction" => complete(call, group, now),
        "RecordLifecycleActionHeartbeat" => heartbeat(call, group, now),
        "DescribeAutoScalingInstances" => Ok(instances(call, me, group, now)),
        "DescribeAutoScalingGroups" => Ok(groups(call, me, group, now)),
        "DescribeLifecycleHooks" => hooks(call, group),
        "SetInstanceHealth" => set_health(call, me, group, now),
        _ => return None,
    };
    Some(match result {
        Ok(body) => wrap(&call.operation, NAMESPACE, &body),
        Err(error) => error.write(Protocol::Query),
    })
}

/// A Query answer: the result in its envelope.
pub(super) fn wrap(operation: &str, namespace: &str, result: &str) -> Answer {
    Answer::new(
        200,
        "text/xml",
        format!(
            "<{operation}Response xmlns=\"{namespace}\"><{operation}Result>{result}</{operation}Result>\
             <ResponseMetadata><RequestId>{REQUEST_ID}</RequestId></ResponseMetadata></{operation}Response>"
        ),
    )
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::new(400, "ValidationError", message)
}

fn required<'a>(call: &'a Call, name: &str) -> Result<&'a str, AwsError> {
    call.parameter(name).ok_or_else(|| {
        let member = format!("{}{}", name.get(..1).unwrap_or_default().to_lowercase(), name.get(1..).unwrap_or_default());
        invalid(format!("1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"))
    })
}

fn no_group(name: &str) -> AwsError {
    invalid(super::group::Refusal::NoGroup(name.to_owned()).to_string())
}

fn subject(call: &Call) -> Result<Subject, AwsError> {
    match (
        call.parameter("LifecycleActionToken"),
        call.parameter("InstanceId"),
    ) {
        (Some(token), _) => Ok(Subject::Token(token.to_owned())),
        (None, Some(id)) => Ok(Subject::Instance(id.to_owned())),
        (None, None) => Err(invalid(
            "LifecycleActionToken or InstanceId must be provided",
        )),
    }
}

fn complete(call: &Call, group: Option<&mut Group>, now: Instant) -> Result<String, AwsError> {
    let (name, hook) = (
        required(call, "AutoScalingGroupName")?,
        required(call, "LifecycleHookName")?,
    );
    let result = required(call, "LifecycleActionResult")?;
    let outcome = Outcome::parse(result).ok_or_else(|| {
        invalid(format!(
            "Invalid Lifecycle Action Result: {result}. Must be CONTINUE or ABANDON"
        ))
    })?;
    let group = group.ok_or_else(|| no_group(name))?;
    group
        .complete(name, hook, &subject(call)?, outcome, now)
        .map_err(|refusal| invalid(refusal.to_string()))?;
    Ok(String::new())
}

fn heartbeat(call: &Call, group: Option<&mut Group>, now: Instant) -> Result<String, AwsError> {
    let (name, hook) = (
        required(call, "AutoScalingGroupName")?,
        required(call, "LifecycleHookName")?,
    );
    let group = group.ok_or_else(|| no_group(name))?;
    group
        .heartbeat(name, hook, &subject(call)?, now)
        .map_err(|refusal| invalid(refusal.to_string()))?;
    Ok(String::new())
}

fn instances(call: &Call, me: &Instance, group: Option<&mut Group>, now: Instant) -> String {
    let mut wanted = call
        .parameters
        .iter()
        .filter(|(name, _)| name.starts_with("InstanceIds.member."))
        .peekable();
    let asked = wanted.peek().is_none() || wanted.any(|(_, id)| *id == me.id);
    let member = group.filter(|_| asked).and_then(|group| {
        let name = escape(group.name());
        let state = group.state(now).filter(|state| state.is_listed())?;
        Some(format!(
            "<member><InstanceId>{}</InstanceId><InstanceType>{}</InstanceType><AutoScalingGroupName>{name}\
             </AutoScalingGroupName><AvailabilityZone>{}</AvailabilityZone><LifecycleState>{state}</LifecycleState>\
             <HealthStatus>HEALTHY</HealthStatus><ProtectedFromScaleIn>false</ProtectedFromScaleIn></member>",
            me.id, me.kind, me.zone
        ))
    });
    format!(
        "<AutoScalingInstances>{}</AutoScalingInstances>",
        member.unwrap_or_default()
    )
}

fn groups(call: &Call, me: &Instance, group: Option<&mut Group>, now: Instant) -> String {
    let mut wanted = call
        .parameters
        .iter()
        .filter(|(name, _)| name.starts_with("AutoScalingGroupNames.member."))
        .peekable();
    let member = group
        .filter(|group| wanted.peek().is_none() || wanted.any(|(_, name)| *name == group.name()))
        .map(|group| {
            let name = escape(group.name());
            let listed = group.state(now).filter(|state| state.is_listed());
            let instance = listed.map(|state| {
                format!(
                    "<member><InstanceId>{}</InstanceId><AvailabilityZone>{}</AvailabilityZone><LifecycleState>{state}\
                     </LifecycleState><HealthStatus>Healthy</HealthStatus><ProtectedFromScaleIn>false\
                     </ProtectedFromScaleIn></member>",
                    me.id, me.zone
                )
            });
            format!(
                "<member><AutoScalingGroupName>{name}</AutoScalingGroupName><MinSize>1</MinSize><MaxSize>2</MaxSize>\
                 <DesiredCapacity>1</DesiredCapacity><DefaultCooldown>300</DefaultCooldown><AvailabilityZones><member>{zone}\
                 </member></AvailabilityZones><HealthCheckType>EC2</HealthCheckType><CreatedTime>2026-01-01T00:00:00Z\
                 </CreatedTime><Instances>{}</Instances></member>",
                instance.unwrap_or_default(),
                zone = me.zone
            )
        });
    format!(
        "<AutoScalingGroups>{}</AutoScalingGroups>",
        member.unwrap_or_default()
    )
}

fn hooks(call: &Call, group: Option<&mut Group>) -> Result<String, AwsError> {
    let name = required(call, "AutoScalingGroupName")?;
    let group = group
        .filter(|group| group.name() == name)
        .ok_or_else(|| no_group(name))?;
    let mut wanted = call
        .parameters
        .iter()
        .filter(|(name, _)| name.starts_with("LifecycleHookNames.member."));
    let all = wanted.clone().next().is_none();
    let listed = group
        .hooks()
        .iter()
        .filter(|hook| all || wanted.any(|(_, name)| *name == hook.name));
    Ok(format!(
        "<LifecycleHooks>{}</LifecycleHooks>",
        listed.map(|hook| member(hook, name)).collect::<String>()
    ))
}

fn member(hook: &Hook, group: &str) -> String {
    let timeout = hook.heartbeat_timeout.as_secs().max(30);
    format!(
        "<member><LifecycleHookName>{}</LifecycleHookName><AutoScalingGroupName>{}</AutoScalingGroupName>\
         <LifecycleTransition>{}</LifecycleTransition><HeartbeatTimeout>{timeout}</HeartbeatTimeout><GlobalTimeout>{}\
         </GlobalTimeout><DefaultResult>{}</DefaultResult></member>",
        escape(&hook.name),
        escape(group),
        hook.transition.name(),
        (timeout * 100).min(172_800),
        hook.default_result
    )
}

fn set_health(
    call: &Call,
    me: &Instance,
    group: Option<&mut Group>,
    now: Instant,
) -> Result<String, AwsError> {
    let (id, status) = (
        required(call, "InstanceId")?,
        required(call, "HealthStatus")?,
    );
    let respects = call.parameter("ShouldRespectGracePeriod");
    let mine = group.filter(|_| id == me.id);
    let member = mine.and_then(|group| group.state(now).filter(|s| s.is_listed()).map(|_| group));
    let group = member.ok_or_else(|| {
        invalid(format!(
            "Instance Id not found - No managed instance found for instance ID {id}"
        ))
    })?;
    group.set_health(status, respects.map(|word| word == "true"), now);
    Ok(String::new())
}
