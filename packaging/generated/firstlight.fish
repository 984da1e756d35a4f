# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_firstlight_global_optspecs
    string join \n root= h/help V/version
end

function __fish_firstlight_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_firstlight_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_firstlight_using_subcommand
    set -l cmd (__fish_firstlight_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c firstlight -n "__fish_firstlight_needs_command" -l root -d 'Prefix for /etc/firstlight, /var/lib/firstlight, /run/firstlight and /dev/console' -r -F
complete -c firstlight -n "__fish_firstlight_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c firstlight -n "__fish_firstlight_needs_command" -s V -l version -d 'Print version'
complete -c firstlight -n "__fish_firstlight_needs_command" -f -a "launch" -d 'Launch and signal, then exit with the verdict\'s code'
complete -c firstlight -n "__fish_firstlight_needs_command" -f -a "run" -d 'Launch and signal, then stay: keep services, drain when the instance is to go'
complete -c firstlight -n "__fish_firstlight_needs_command" -f -a "check" -d 'Read specs or whole user data and report every error; offline'
complete -c firstlight -n "__fish_firstlight_needs_command" -f -a "status" -d 'Tell what happened on this instance, stage by stage'
complete -c firstlight -n "__fish_firstlight_needs_command" -f -a "diagnose" -d 'Put what happened, logs and the state of containers and machine into one file'
complete -c firstlight -n "__fish_firstlight_needs_command" -f -a "prefetch" -d 'Pull the images of specs while a machine image is built; starts nothing'
complete -c firstlight -n "__fish_firstlight_needs_command" -f -a "backstop" -d 'Tell the group that the agent failed for good; for systemd, which starts it then'
complete -c firstlight -n "__fish_firstlight_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c firstlight -n "__fish_firstlight_using_subcommand launch" -l root -d 'Prefix for /etc/firstlight, /var/lib/firstlight, /run/firstlight and /dev/console' -r -F
complete -c firstlight -n "__fish_firstlight_using_subcommand launch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c firstlight -n "__fish_firstlight_using_subcommand run" -l root -d 'Prefix for /etc/firstlight, /var/lib/firstlight, /run/firstlight and /dev/console' -r -F
complete -c firstlight -n "__fish_firstlight_using_subcommand run" -s h -l help -d 'Print help'
complete -c firstlight -n "__fish_firstlight_using_subcommand check" -l format -d 'How to tell: drawn for people, or one JSON document on stdout for editors and CI' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c firstlight -n "__fish_firstlight_using_subcommand check" -l root -d 'Prefix for /etc/firstlight, /var/lib/firstlight, /run/firstlight and /dev/console' -r -F
complete -c firstlight -n "__fish_firstlight_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c firstlight -n "__fish_firstlight_using_subcommand status" -l root -d 'Prefix for /etc/firstlight, /var/lib/firstlight, /run/firstlight and /dev/console' -r -F
complete -c firstlight -n "__fish_firstlight_using_subcommand status" -l json -d 'Print the status file as it is; `null` when nothing has run yet'
complete -c firstlight -n "__fish_firstlight_using_subcommand status" -s h -l help -d 'Print help'
complete -c firstlight -n "__fish_firstlight_using_subcommand diagnose" -s o -l output -d 'The file to write; by default one named after instance and time in the current directory. An existing file is not replaced' -r -F
complete -c firstlight -n "__fish_firstlight_using_subcommand diagnose" -l root -d 'Prefix for /etc/firstlight, /var/lib/firstlight, /run/firstlight and /dev/console' -r -F
complete -c firstlight -n "__fish_firstlight_using_subcommand diagnose" -l upload -d 'Also put it where the spec\'s `diagnostics` says'
complete -c firstlight -n "__fish_firstlight_using_subcommand diagnose" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c firstlight -n "__fish_firstlight_using_subcommand prefetch" -l root -d 'Prefix for /etc/firstlight, /var/lib/firstlight, /run/firstlight and /dev/console' -r -F
complete -c firstlight -n "__fish_firstlight_using_subcommand prefetch" -s h -l help -d 'Print help'
complete -c firstlight -n "__fish_firstlight_using_subcommand backstop" -l root -d 'Prefix for /etc/firstlight, /var/lib/firstlight, /run/firstlight and /dev/console' -r -F
complete -c firstlight -n "__fish_firstlight_using_subcommand backstop" -s h -l help -d 'Print help'
complete -c firstlight -n "__fish_firstlight_using_subcommand help; and not __fish_seen_subcommand_from launch run check status diagnose prefetch backstop help" -f -a "launch" -d 'Launch and signal, then exit with the verdict\'s code'
complete -c firstlight -n "__fish_firstlight_using_subcommand help; and not __fish_seen_subcommand_from launch run check status diagnose prefetch backstop help" -f -a "run" -d 'Launch and signal, then stay: keep services, drain when the instance is to go'
complete -c firstlight -n "__fish_firstlight_using_subcommand help; and not __fish_seen_subcommand_from launch run check status diagnose prefetch backstop help" -f -a "check" -d 'Read specs or whole user data and report every error; offline'
complete -c firstlight -n "__fish_firstlight_using_subcommand help; and not __fish_seen_subcommand_from launch run check status diagnose prefetch backstop help" -f -a "status" -d 'Tell what happened on this instance, stage by stage'
complete -c firstlight -n "__fish_firstlight_using_subcommand help; and not __fish_seen_subcommand_from launch run check status diagnose prefetch backstop help" -f -a "diagnose" -d 'Put what happened, logs and the state of containers and machine into one file'
complete -c firstlight -n "__fish_firstlight_using_subcommand help; and not __fish_seen_subcommand_from launch run check status diagnose prefetch backstop help" -f -a "prefetch" -d 'Pull the images of specs while a machine image is built; starts nothing'
complete -c firstlight -n "__fish_firstlight_using_subcommand help; and not __fish_seen_subcommand_from launch run check status diagnose prefetch backstop help" -f -a "backstop" -d 'Tell the group that the agent failed for good; for systemd, which starts it then'
complete -c firstlight -n "__fish_firstlight_using_subcommand help; and not __fish_seen_subcommand_from launch run check status diagnose prefetch backstop help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
