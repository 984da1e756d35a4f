//! Whom to tell, and telling them: group, hooks, heartbeats, CONTINUE or ABANDON, CloudFormation.
