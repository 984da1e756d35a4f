# The way to the instances: a load balancer, its targets, and who may talk to whom.

resource "aws_lb" "web" {
  name            = var.name
  subnets         = var.public_subnets
  security_groups = [aws_security_group.load_balancer.id]
}

resource "aws_lb_listener" "web" {
  load_balancer_arn = aws_lb.web.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.certificate

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.web.arn
  }
}

resource "aws_lb_target_group" "web" {
  name     = var.name
  vpc_id   = var.vpc
  port     = 80
  protocol = "HTTP"
  # The group waits for this before its terminate hook.
  deregistration_delay = 30

  # The spec's own probe, from outside.
  health_check {
    path              = "/healthcheck/"
    interval          = 10
    healthy_threshold = 2
  }
}

resource "aws_security_group" "load_balancer" {
  name_prefix = "${var.name}-load-balancer-"
  description = "The load balancer, for everybody"
  vpc_id      = var.vpc

  ingress {
    protocol    = "tcp"
    from_port   = 443
    to_port     = 443
    cidr_blocks = ["0.0.0.0/0"]
  }

  egress {
    protocol    = "-1"
    from_port   = 0
    to_port     = 0
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_security_group" "instance" {
  name_prefix = "${var.name}-instance-"
  description = "Instances, for the load balancer"
  vpc_id      = var.vpc

  ingress {
    protocol        = "tcp"
    from_port       = 80
    to_port         = 80
    security_groups = [aws_security_group.load_balancer.id]
  }

  egress {
    protocol    = "-1"
    from_port   = 0
    to_port     = 0
    cidr_blocks = ["0.0.0.0/0"]
  }
}

output "address" {
  value = aws_lb.web.dns_name
}
