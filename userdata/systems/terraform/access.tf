# Who the instances are: packaging/iam/web.json, statement by statement; packaging/iam/README.md gives the reasons.

data "aws_iam_policy_document" "launch" {
  statement {
    sid       = "FindGroup"
    actions   = ["autoscaling:DescribeAutoScalingInstances", "autoscaling:DescribeLifecycleHooks"]
    resources = ["*"]
  }

  statement {
    sid       = "TellGroup"
    actions   = ["autoscaling:CompleteLifecycleAction", "autoscaling:RecordLifecycleActionHeartbeat"]
    resources = ["arn:${local.partition}:autoscaling:${var.region}:${local.account}:autoScalingGroup:*:autoScalingGroupName/${var.name}"]
  }

  statement {
    sid       = "ReadParameters"
    actions   = ["ssm:GetParameters"]
    resources = ["arn:${local.partition}:ssm:${var.region}:${local.account}:parameter/web/prod/version"]
  }

  statement {
    sid     = "ReadParametersBelow"
    actions = ["ssm:GetParametersByPath"]
    resources = [
      "arn:${local.partition}:ssm:${var.region}:${local.account}:parameter/web/prod/env",
      "arn:${local.partition}:ssm:${var.region}:${local.account}:parameter/web/prod/env/*",
    ]
  }

  statement {
    sid       = "ReadSecrets"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = ["arn:${local.partition}:secretsmanager:${var.region}:${local.account}:secret:web/session-??????"]
  }

  statement {
    sid       = "Decrypt"
    actions   = ["kms:Decrypt"]
    resources = [var.key]
    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["ssm.${var.region}.${local.suffix}", "secretsmanager.${var.region}.${local.suffix}"]
    }
  }

  statement {
    sid       = "LogInToRegistry"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }

  statement {
    sid       = "PullImages"
    actions   = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = ["arn:${local.partition}:ecr:${var.region}:${local.account}:repository/web"]
  }
}

data "aws_iam_policy_document" "instances" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ec2.${local.suffix}"]
    }
  }
}

resource "aws_iam_role" "web" {
  name_prefix        = "${var.name}-"
  assume_role_policy = data.aws_iam_policy_document.instances.json
}

resource "aws_iam_role_policy" "launch" {
  name   = "launch"
  role   = aws_iam_role.web.id
  policy = data.aws_iam_policy_document.launch.json
}

resource "aws_iam_instance_profile" "web" {
  name_prefix = "${var.name}-"
  role        = aws_iam_role.web.name
}
