# A whole small system: a web service on an Auto Scaling group behind a load balancer, launched by firstlight from web.yaml.tftpl, which
# is userdata/examples/web.yaml. The policy is that example's, packaging/iam/web.json; a test holds both to it.
#
# A new image, version or spec makes a new version of the launch template, and `terraform_data.roll` then refreshes the group's instances.

terraform {
  required_version = ">= 1.4" # terraform_data
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

provider "aws" {
  region = var.region
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  suffix    = data.aws_partition.current.dns_suffix
}

resource "aws_launch_template" "web" {
  name                   = var.name
  image_id               = var.image
  instance_type          = var.instance_type
  vpc_security_group_ids = [aws_security_group.instance.id]

  iam_instance_profile {
    arn = aws_iam_instance_profile.web.arn
  }

  metadata_options {
    http_endpoint = "enabled"
    http_tokens   = "required"
    # By name, since an image's own setting would make it 2: then every container holds the instance's role.
    http_put_response_hop_limit = 1
    # The group's name, without a call.
    instance_metadata_tags = "enabled"
  }

  user_data = base64encode(templatefile("${path.module}/web.yaml.tftpl", {
    registry = "${local.account}.dkr.ecr.${var.region}.${local.suffix}"
    version  = var.web_version
  }))
}

resource "aws_autoscaling_group" "web" {
  name                = var.name
  min_size            = var.size.min
  max_size            = var.size.max
  vpc_zone_identifier = var.subnets
  target_group_arns   = [aws_lb_target_group.web.arn]
  # An apply that makes the group ends when its first instances serve, or fails.
  wait_for_capacity_timeout = "15m"

  health_check_type         = "ELB"
  health_check_grace_period = 60
  # In service is healthy already, by the hook.
  default_instance_warmup = 0

  launch_template {
    id = aws_launch_template.web.id
    # A number: nothing goes back from $Latest.
    version = aws_launch_template.web.latest_version
  }

  # Not as resources of their own, which exist only after the first instances.
  initial_lifecycle_hook {
    name                 = "web-launch"
    lifecycle_transition = "autoscaling:EC2_INSTANCE_LAUNCHING"
    # What holds if nobody says anything.
    default_result    = "ABANDON"
    heartbeat_timeout = 900
  }

  initial_lifecycle_hook {
    name                 = "web-drain"
    lifecycle_transition = "autoscaling:EC2_INSTANCE_TERMINATING"
    default_result       = "CONTINUE"
    heartbeat_timeout    = 300
  }

  tag {
    key                 = "Name"
    value               = var.name
    propagate_at_launch = true
  }

  lifecycle {
    # The refresh sets the template's version once it has succeeded. Were it set here, there would be nothing to go back to.
    ignore_changes = [launch_template, desired_capacity]
  }

  # Instances start with their policy, and a target counts as healthy only where a listener leads to it.
  depends_on = [aws_iam_role_policy.launch, aws_lb_listener.web]
}

# Not the group's own `instance_refresh`: it writes the new version into the group before the refresh begins, and `auto_rollback` then goes
# back to that same one (hashicorp/terraform-provider-aws#34189). By AWS's CLI, with the credentials that Terraform has. It waits for
# nothing: `aws autoscaling describe-instance-refreshes` tells how it went.
resource "terraform_data" "roll" {
  triggers_replace = aws_launch_template.web.latest_version

  provisioner "local-exec" {
    command = "aws autoscaling start-instance-refresh --region \"$REGION\" --cli-input-json \"$REFRESH\""
    environment = {
      REGION = var.region
      REFRESH = jsonencode({
        AutoScalingGroupName = aws_autoscaling_group.web.name
        Strategy             = "Rolling"
        DesiredConfiguration = {
          LaunchTemplate = {
            LaunchTemplateId = aws_launch_template.web.id
            Version          = tostring(aws_launch_template.web.latest_version)
          }
        }
        Preferences = {
          AutoRollback = true
          # Instances that have the wanted version stay: the first refresh, of a new group, replaces none.
          SkipMatching = true
          # New ones first, and never fewer than wanted.
          MinHealthyPercentage = 100
          MaxHealthyPercentage = 150
          BakeTime             = 120
        }
      })
    }
  }
}
