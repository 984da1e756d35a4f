# Machine images with firstlight: Amazon Linux 2023, Ubuntu LTS and Debian, for x86_64 and arm64.
#
# What all of them have is in `source`; what makes one of another distribution or machine is in its block in `build`. The work itself
# is done by ami/provision, which also makes the test host. ami/README.md says how to build, and which lines Debian's Packer,
# by which CI validates a copy, does not know.
#
# To add a distribution: a block in `build` for each machine, and a line in `package`.

packer {
  required_plugins {
    amazon = {
      source  = "github.com/hashicorp/amazon"
      version = ">= 1.2.0"
    }
  }
}

variable "version" {
  type        = string
  description = "The packages' version."
}

variable "commit" {
  type        = string
  description = "The commit that the packages were made of."
}

variable "packages" {
  type        = string
  description = "The folder with the packages, of both machines."
  default     = "target/packages"
}

variable "specs" {
  type        = list(string)
  description = "Specs whose images are pulled already."
  default     = []
}

variable "prefetched" {
  type        = list(string)
  description = "The names that these images then have. Any other image in the result fails the build."
  default     = []
}

variable "instance_profile" {
  type        = string
  description = "The builder's instance profile. Needed where specs name images of ECR."
  default     = ""
}

variable "region" {
  type    = string
  default = "eu-west-1"
}

variable "subnet" {
  type        = string
  description = "Where to build. Empty for the region's default VPC."
  default     = ""
}

variable "kms_key" {
  type        = string
  description = "What the image is encrypted with. Empty for the account's key of EBS, by which an image can't be shared with other accounts."
  default     = ""
}

locals {
  time = formatdate("YYYYMMDD'T'hhmmss", timestamp())
  tags = {
    firstlight-version = var.version
    firstlight-commit  = var.commit
  }
  package = {
    al2023-x86_64 = "firstlight-${var.version}-1.x86_64.rpm"
    al2023-arm64  = "firstlight-${var.version}-1.aarch64.rpm"
    ubuntu-x86_64 = "firstlight_${var.version}_amd64.deb"
    ubuntu-arm64  = "firstlight_${var.version}_arm64.deb"
    debian-x86_64 = "firstlight_${var.version}_amd64.deb"
    debian-arm64  = "firstlight_${var.version}_arm64.deb"
  }
}

source "amazon-ebs" "image" {
  region               = var.region
  subnet_id            = var.subnet
  iam_instance_profile = var.instance_profile

  # The builder's own metadata: no script that runs while it is made gets the profile's credentials by a plain GET, and no container at all.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  # Of what is launched from the image. It makes tokens required, but the hop limit 2: launch templates say 1.
  imds_support = "v2.0"

  encrypt_boot = true
  kms_key_id   = var.kms_key

  tags            = merge(local.tags, { base = "{{ .SourceAMIName }}" })
  snapshot_tags   = local.tags
  run_tags        = local.tags
  run_volume_tags = local.tags
}

build {
  source "source.amazon-ebs.image" {
    name          = "al2023-x86_64"
    ami_name      = "firstlight-${var.version}-al2023-x86_64-${local.time}"
    instance_type = "t3.small"
    ssh_username  = "ec2-user"
    source_ami_filter {
      owners      = ["amazon"]
      filters     = { name = "al2023-ami-2023.*-kernel-6.1-x86_64", root-device-type = "ebs" }
      most_recent = true
    }
  }

  source "source.amazon-ebs.image" {
    name          = "al2023-arm64"
    ami_name      = "firstlight-${var.version}-al2023-arm64-${local.time}"
    instance_type = "t4g.small"
    ssh_username  = "ec2-user"
    source_ami_filter {
      owners      = ["amazon"]
      filters     = { name = "al2023-ami-2023.*-kernel-6.1-arm64", root-device-type = "ebs" }
      most_recent = true
    }
  }

  source "source.amazon-ebs.image" {
    name          = "ubuntu-x86_64"
    ami_name      = "firstlight-${var.version}-ubuntu-x86_64-${local.time}"
    instance_type = "t3.small"
    ssh_username  = "ubuntu"
    source_ami_filter {
      owners      = ["099720109477"] # Canonical
      filters     = { name = "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-*", root-device-type = "ebs" }
      most_recent = true
    }
  }

  source "source.amazon-ebs.image" {
    name          = "ubuntu-arm64"
    ami_name      = "firstlight-${var.version}-ubuntu-arm64-${local.time}"
    instance_type = "t4g.small"
    ssh_username  = "ubuntu"
    source_ami_filter {
      owners      = ["099720109477"]
      filters     = { name = "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-arm64-server-*", root-device-type = "ebs" }
      most_recent = true
    }
  }

  source "source.amazon-ebs.image" {
    name          = "debian-x86_64"
    ami_name      = "firstlight-${var.version}-debian-x86_64-${local.time}"
    instance_type = "t3.small"
    ssh_username  = "admin"
    source_ami_filter {
      owners      = ["136693071363"] # Debian
      filters     = { name = "debian-13-amd64-*", root-device-type = "ebs" }
      most_recent = true
    }
  }

  source "source.amazon-ebs.image" {
    name          = "debian-arm64"
    ami_name      = "firstlight-${var.version}-debian-arm64-${local.time}"
    instance_type = "t4g.small"
    ssh_username  = "admin"
    source_ami_filter {
      owners      = ["136693071363"]
      filters     = { name = "debian-13-arm64-*", root-device-type = "ebs" }
      most_recent = true
    }
  }

  # Before the keys are removed, for what verifies then. The key is not a variable: these stand in the shell's arguments, which
  # everybody on the machine can read, and in Packer's log. Commands stand in a file that is its user's alone.
  provisioner "shell-local" {
    environment_vars = [
      "BUILDER=${build.User}@${build.Host}", "PORT=${build.Port}",
      "CONNECTION=${build.PackerRunUUID}-${source.name}",
    ]
    inline = ["${path.root}/connection open <<'END OF KEY'", "${build.SSHPrivateKey}", "END OF KEY"]
  }

  # First boot goes on beside Packer, and holds locks of the package manager. 2 is done with warnings, which are the base's.
  provisioner "shell" {
    inline = ["sudo cloud-init status --wait >/dev/null || [ $? -eq 2 ]", "mkdir /tmp/firstlight"]
  }

  provisioner "file" {
    sources     = concat(["${path.root}/provision", "${path.root}/clean", "${path.root}/files", "${var.packages}/${local.package[source.name]}"], var.specs)
    destination = "/tmp/firstlight/"
  }

  provisioner "shell" {
    inline = [
      "sudo bash /tmp/firstlight/provision /tmp/firstlight/${local.package[source.name]} ${join(" ", [for spec in var.specs : "/tmp/firstlight/${basename(spec)}"])}",
      "sudo rm -rf /tmp/firstlight",
    ]
  }

  provisioner "shell-local" {
    environment_vars = ["CONNECTION=${build.PackerRunUUID}-${source.name}", "FIRSTLIGHT_PREFETCHED=${join(" ", var.prefetched)}"]
    inline           = ["${path.root}/connection verify", "${path.root}/connection close"]
  }

  # What verifying left.
  provisioner "shell" {
    inline = ["sudo find /var/log -type f -exec truncate -s 0 {} +"]
  }

  post-processor "manifest" {
    output     = "target/images.json"
    strip_path = true
    custom_data = {
      version = var.version
      commit  = var.commit
    }
  }
}
