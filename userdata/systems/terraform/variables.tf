variable "region" {
  type    = string
  default = "eu-west-1"
}

variable "name" {
  type        = string
  description = "The group's name, and what else is named after it."
  default     = "web"
}

variable "image" {
  type        = string
  description = "An image with firstlight. By its id: nothing goes back from an alias of Parameter Store."
}

variable "instance_type" {
  type    = string
  default = "t3.small"
}

variable "web_version" {
  type        = number
  description = "The version of the parameter /web/prod/version, whose value is the image's tag."
  default     = 42
}

variable "key" {
  type        = string
  description = "The KMS key, by its ARN, of the parameters and the secret. With AWS's own keys, leave out the statement Decrypt."
}

variable "vpc" {
  type = string
}

variable "subnets" {
  type        = list(string)
  description = "Where instances run, with a way to AWS's services and the registry."
}

variable "public_subnets" {
  type        = list(string)
  description = "Where the load balancer is, in two availability zones at least."
}

variable "certificate" {
  type        = string
  description = "The load balancer's certificate, by its ARN in Certificate Manager."
}

variable "size" {
  type    = object({ min = number, max = number })
  default = { min = 2, max = 6 }
}
