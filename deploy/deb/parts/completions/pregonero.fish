# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_pregonero_global_optspecs
    string join \n config= json v/verbose q/quiet h/help V/version
end

function __fish_pregonero_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_pregonero_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_pregonero_using_subcommand
    set -l cmd (__fish_pregonero_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c pregonero -n "__fish_pregonero_needs_command" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_needs_command" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_needs_command" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_needs_command" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_needs_command" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_needs_command" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_needs_command" -f -a "init" -d 'Write a commented configuration to begin with; asks on a terminal, never replaces a file'
complete -c pregonero -n "__fish_pregonero_needs_command" -f -a "run" -d 'Run the daemon: a round for each slot of the schedule; a dry run unless publish.live is set'
complete -c pregonero -n "__fish_pregonero_needs_command" -f -a "once" -d 'Do one round now and print what came of it'
complete -c pregonero -n "__fish_pregonero_needs_command" -f -a "generate" -d 'Write candidates with scores and verdicts; nothing is recorded or posted'
complete -c pregonero -n "__fish_pregonero_needs_command" -f -a "inspect" -d 'Say what the bot thinks of a text: length, entities, sentiment, the verdict of each gate'
complete -c pregonero -n "__fish_pregonero_needs_command" -f -a "review" -d 'Settle the posts that wait for a person'
complete -c pregonero -n "__fish_pregonero_needs_command" -f -a "history" -d 'Read the record: every round, its candidates and what was posted'
complete -c pregonero -n "__fish_pregonero_needs_command" -f -a "pause" -d 'Let nothing out until `resume`, also of a running daemon'
complete -c pregonero -n "__fish_pregonero_needs_command" -f -a "resume" -d 'Let posts out again after a pause, or after X refused them for good'
complete -c pregonero -n "__fish_pregonero_needs_command" -f -a "reload" -d 'Have the running daemon read configuration and credentials again, and say what changed or why not'
complete -c pregonero -n "__fish_pregonero_needs_command" -f -a "status" -d 'Say what the daemon is doing, by which configuration, and what waits for a person'
complete -c pregonero -n "__fish_pregonero_needs_command" -f -a "doctor" -d 'Look at every part that could stop the next post, and say what to do'
complete -c pregonero -n "__fish_pregonero_needs_command" -f -a "healthcheck" -d 'Say by the exit code whether somebody has to act; a pause and a used-up budget are healthy'
complete -c pregonero -n "__fish_pregonero_needs_command" -f -a "auth" -d 'Let the bot into its account'
complete -c pregonero -n "__fish_pregonero_needs_command" -f -a "alerts" -d 'Try the alerts, or list those that are not over'
complete -c pregonero -n "__fish_pregonero_needs_command" -f -a "db" -d 'Back up, restore or check the record'
complete -c pregonero -n "__fish_pregonero_needs_command" -f -a "config" -d 'Check the configuration, or show what is in effect'
complete -c pregonero -n "__fish_pregonero_needs_command" -f -a "models" -d 'List, show and download models'
complete -c pregonero -n "__fish_pregonero_needs_command" -f -a "dataset" -d 'Make tables to train on'
complete -c pregonero -n "__fish_pregonero_needs_command" -f -a "train" -d 'Train a tokenizer, a generator, a classifier or word vectors'
complete -c pregonero -n "__fish_pregonero_needs_command" -f -a "evaluate" -d 'Measure a model on data it was not trained on'
complete -c pregonero -n "__fish_pregonero_needs_command" -f -a "completions" -d 'Print a completion script for a shell'
complete -c pregonero -n "__fish_pregonero_needs_command" -f -a "man" -d 'Print the manual page, or write all of them'
complete -c pregonero -n "__fish_pregonero_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pregonero -n "__fish_pregonero_using_subcommand init" -l handle -d 'The bot\'s handle on X' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand init" -l operator -d 'The handle of the person who answers for the bot' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand init" -l timezone -d 'The time zone of the schedule, by its IANA name' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand init" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand init" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand init" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand init" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand init" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand init" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand run" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand run" -l now -d 'One round at once, then by the schedule'
complete -c pregonero -n "__fish_pregonero_using_subcommand run" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand run" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand run" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand run" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand run" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand once" -l prompt -d 'What the tweet begins with, instead of one of the configured seed prompts' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand once" -l model -d 'Write with this generator instead of the configured one: builtin, a folder or hub:OWNER/NAME' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand once" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand once" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand once" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand once" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand once" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand once" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand generate" -l prompt -d 'The words to go on from; without it one of the configured seed prompts is drawn by weight, as a round does' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand generate" -s n -l candidates -d 'Number of candidates' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand generate" -l model -d 'Write with this generator instead of the configured one: builtin, a folder or hub:OWNER/NAME' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand generate" -l strategy -d 'How tokens are chosen: sample, greedy or beam' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand generate" -l temperature -d 'Above 0; lower is tamer, higher is wilder' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand generate" -l top-k -d 'Draw from the K likeliest tokens only; 0 is off' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand generate" -l top-p -d 'Draw from the likeliest tokens that together have this probability; 1 is off' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand generate" -l min-p -d 'Leave out tokens less likely than this share of the likeliest one\'s probability; 0 is off' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand generate" -l typical-p -d 'Draw from the tokens about as surprising as the model expects, that together have this probability; 1 is off' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand generate" -l repetition-penalty -d 'Make tokens already used less likely; 1 is off' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand generate" -l no-repeat-ngram -d 'Let no run of this many tokens come twice; 0 is off' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand generate" -l max-new-tokens -d 'The longest continuation, in tokens' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand generate" -l rng-seed -d 'The seed that all chance comes from; the same one gives the same candidates' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand generate" -l attribute -d 'What the text is to be like, for a model with control tokens (`models show` lists its attributes); may be given several times. With --prompt "" the attributes alone decide. They come over those of a configured seed prompt of the same text; NAME= empties one' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand generate" -l sweep -d 'Write under every combination of these settings, from the same seeds, and compare: a text or a TOML file' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand generate" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand generate" -l raw -d 'Print the model\'s continuation alone, untouched: neither cut at a sentence nor stripped'
complete -c pregonero -n "__fish_pregonero_using_subcommand generate" -l all-prompts -d 'Write candidates for each of the configured seed prompts, and compare how many of them pass and what stops the others'
complete -c pregonero -n "__fish_pregonero_using_subcommand generate" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand generate" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand generate" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand generate" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand generate" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand inspect" -l model -d 'Judge a text of this generator instead of the configured one (builtin, a folder or hub:OWNER/NAME): the verbatim gate compares it with the tweets that this model was tuned on. The classifier stays that of sentiment.model' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand inspect" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand inspect" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand inspect" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand inspect" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand inspect" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand inspect" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and not __fish_seen_subcommand_from list show approve reject help" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and not __fish_seen_subcommand_from list show approve reject help" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and not __fish_seen_subcommand_from list show approve reject help" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and not __fish_seen_subcommand_from list show approve reject help" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and not __fish_seen_subcommand_from list show approve reject help" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and not __fish_seen_subcommand_from list show approve reject help" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and not __fish_seen_subcommand_from list show approve reject help" -f -a "list" -d 'List the posts that wait for a person, the oldest first'
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and not __fish_seen_subcommand_from list show approve reject help" -f -a "show" -d 'Show one post with what gates and classifier said of it'
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and not __fish_seen_subcommand_from list show approve reject help" -f -a "approve" -d 'Let a post through; a running daemon sends it within seconds, outside quiet hours'
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and not __fish_seen_subcommand_from list show approve reject help" -f -a "reject" -d 'Stop a post: one that waits is rejected, an approved one that is not under way is cancelled'
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and not __fish_seen_subcommand_from list show approve reject help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and __fish_seen_subcommand_from list" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and __fish_seen_subcommand_from list" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and __fish_seen_subcommand_from show" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and __fish_seen_subcommand_from show" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and __fish_seen_subcommand_from approve" -l by -d 'Who decides, for the record; without it, the name you are logged in with, or this process\'s user' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and __fish_seen_subcommand_from approve" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and __fish_seen_subcommand_from approve" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and __fish_seen_subcommand_from approve" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and __fish_seen_subcommand_from approve" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and __fish_seen_subcommand_from approve" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and __fish_seen_subcommand_from approve" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and __fish_seen_subcommand_from reject" -l reason -d 'Why, for the record' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and __fish_seen_subcommand_from reject" -l by -d 'Who decides, for the record; without it, the name you are logged in with, or this process\'s user' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and __fish_seen_subcommand_from reject" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and __fish_seen_subcommand_from reject" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and __fish_seen_subcommand_from reject" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and __fish_seen_subcommand_from reject" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and __fish_seen_subcommand_from reject" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and __fish_seen_subcommand_from reject" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and __fish_seen_subcommand_from help" -f -a "list" -d 'List the posts that wait for a person, the oldest first'
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show one post with what gates and classifier said of it'
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and __fish_seen_subcommand_from help" -f -a "approve" -d 'Let a post through; a running daemon sends it within seconds, outside quiet hours'
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and __fish_seen_subcommand_from help" -f -a "reject" -d 'Stop a post: one that waits is rejected, an approved one that is not under way is cancelled'
complete -c pregonero -n "__fish_pregonero_using_subcommand review; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pregonero -n "__fish_pregonero_using_subcommand history; and not __fish_seen_subcommand_from list show costs help" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand history; and not __fish_seen_subcommand_from list show costs help" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand history; and not __fish_seen_subcommand_from list show costs help" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand history; and not __fish_seen_subcommand_from list show costs help" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand history; and not __fish_seen_subcommand_from list show costs help" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand history; and not __fish_seen_subcommand_from list show costs help" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand history; and not __fish_seen_subcommand_from list show costs help" -f -a "list" -d 'List the newest rounds with what became of them, the newest first'
complete -c pregonero -n "__fish_pregonero_using_subcommand history; and not __fish_seen_subcommand_from list show costs help" -f -a "show" -d 'Show everything on record about one round: all candidates, verdicts, decisions and calls'
complete -c pregonero -n "__fish_pregonero_using_subcommand history; and not __fish_seen_subcommand_from list show costs help" -f -a "costs" -d 'Show what X charged for posts and readings, month by month, by the prices at that time'
complete -c pregonero -n "__fish_pregonero_using_subcommand history; and not __fish_seen_subcommand_from list show costs help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pregonero -n "__fish_pregonero_using_subcommand history; and __fish_seen_subcommand_from list" -l limit -d 'At most this many' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand history; and __fish_seen_subcommand_from list" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand history; and __fish_seen_subcommand_from list" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand history; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand history; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand history; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand history; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand history; and __fish_seen_subcommand_from show" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand history; and __fish_seen_subcommand_from show" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand history; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand history; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand history; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand history; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand history; and __fish_seen_subcommand_from costs" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand history; and __fish_seen_subcommand_from costs" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand history; and __fish_seen_subcommand_from costs" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand history; and __fish_seen_subcommand_from costs" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand history; and __fish_seen_subcommand_from costs" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand history; and __fish_seen_subcommand_from costs" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand history; and __fish_seen_subcommand_from help" -f -a "list" -d 'List the newest rounds with what became of them, the newest first'
complete -c pregonero -n "__fish_pregonero_using_subcommand history; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show everything on record about one round: all candidates, verdicts, decisions and calls'
complete -c pregonero -n "__fish_pregonero_using_subcommand history; and __fish_seen_subcommand_from help" -f -a "costs" -d 'Show what X charged for posts and readings, month by month, by the prices at that time'
complete -c pregonero -n "__fish_pregonero_using_subcommand history; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pregonero -n "__fish_pregonero_using_subcommand pause" -l reason -d 'Why, for the record' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand pause" -l by -d 'Who decides, for the record; without it, the name you are logged in with, or this process\'s user' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand pause" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand pause" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand pause" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand pause" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand pause" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand pause" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand resume" -l by -d 'Who decides, for the record; without it, the name you are logged in with, or this process\'s user' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand resume" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand resume" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand resume" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand resume" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand resume" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand resume" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand reload" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand reload" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand reload" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand reload" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand reload" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand reload" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand status" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand status" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand status" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand status" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand status" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand status" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand doctor" -l model -d 'Write with this generator instead of the configured one: builtin, a folder or hub:OWNER/NAME' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand doctor" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand doctor" -l offline -d 'Do not ask X'
complete -c pregonero -n "__fish_pregonero_using_subcommand doctor" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand doctor" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand doctor" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand doctor" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand doctor" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand healthcheck" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand healthcheck" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand healthcheck" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand healthcheck" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand healthcheck" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand healthcheck" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand auth; and not __fish_seen_subcommand_from login help" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand auth; and not __fish_seen_subcommand_from login help" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand auth; and not __fish_seen_subcommand_from login help" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand auth; and not __fish_seen_subcommand_from login help" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand auth; and not __fish_seen_subcommand_from login help" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand auth; and not __fish_seen_subcommand_from login help" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand auth; and not __fish_seen_subcommand_from login help" -f -a "login" -d 'Log in to the account; writes the token files into publish.tokens'
complete -c pregonero -n "__fish_pregonero_using_subcommand auth; and not __fish_seen_subcommand_from login help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pregonero -n "__fish_pregonero_using_subcommand auth; and __fish_seen_subcommand_from login" -l port -d 'The port of this machine that X sends the browser back to' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand auth; and __fish_seen_subcommand_from login" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand auth; and __fish_seen_subcommand_from login" -l oauth2 -d 'OAuth 2.0 with PKCE instead of OAuth 1.0a with a PIN'
complete -c pregonero -n "__fish_pregonero_using_subcommand auth; and __fish_seen_subcommand_from login" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand auth; and __fish_seen_subcommand_from login" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand auth; and __fish_seen_subcommand_from login" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand auth; and __fish_seen_subcommand_from login" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand auth; and __fish_seen_subcommand_from login" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand auth; and __fish_seen_subcommand_from help" -f -a "login" -d 'Log in to the account; writes the token files into publish.tokens'
complete -c pregonero -n "__fish_pregonero_using_subcommand auth; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pregonero -n "__fish_pregonero_using_subcommand alerts; and not __fish_seen_subcommand_from test list help" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand alerts; and not __fish_seen_subcommand_from test list help" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand alerts; and not __fish_seen_subcommand_from test list help" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand alerts; and not __fish_seen_subcommand_from test list help" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand alerts; and not __fish_seen_subcommand_from test list help" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand alerts; and not __fish_seen_subcommand_from test list help" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand alerts; and not __fish_seen_subcommand_from test list help" -f -a "test" -d 'Send a test through every channel of [alerts], at once'
complete -c pregonero -n "__fish_pregonero_using_subcommand alerts; and not __fish_seen_subcommand_from test list help" -f -a "list" -d 'List the alerts that are not over'
complete -c pregonero -n "__fish_pregonero_using_subcommand alerts; and not __fish_seen_subcommand_from test list help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pregonero -n "__fish_pregonero_using_subcommand alerts; and __fish_seen_subcommand_from test" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand alerts; and __fish_seen_subcommand_from test" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand alerts; and __fish_seen_subcommand_from test" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand alerts; and __fish_seen_subcommand_from test" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand alerts; and __fish_seen_subcommand_from test" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand alerts; and __fish_seen_subcommand_from test" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand alerts; and __fish_seen_subcommand_from list" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand alerts; and __fish_seen_subcommand_from list" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand alerts; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand alerts; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand alerts; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand alerts; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand alerts; and __fish_seen_subcommand_from help" -f -a "test" -d 'Send a test through every channel of [alerts], at once'
complete -c pregonero -n "__fish_pregonero_using_subcommand alerts; and __fish_seen_subcommand_from help" -f -a "list" -d 'List the alerts that are not over'
complete -c pregonero -n "__fish_pregonero_using_subcommand alerts; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pregonero -n "__fish_pregonero_using_subcommand db; and not __fish_seen_subcommand_from backup restore check help" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand db; and not __fish_seen_subcommand_from backup restore check help" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand db; and not __fish_seen_subcommand_from backup restore check help" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand db; and not __fish_seen_subcommand_from backup restore check help" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand db; and not __fish_seen_subcommand_from backup restore check help" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand db; and not __fish_seen_subcommand_from backup restore check help" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand db; and not __fish_seen_subcommand_from backup restore check help" -f -a "backup" -d 'Copy the database while it is in use, verified; a kill in between leaves the previous backup whole'
complete -c pregonero -n "__fish_pregonero_using_subcommand db; and not __fish_seen_subcommand_from backup restore check help" -f -a "restore" -d 'Put a backup into the database\'s place; what was there is kept beside it'
complete -c pregonero -n "__fish_pregonero_using_subcommand db; and not __fish_seen_subcommand_from backup restore check help" -f -a "check" -d 'Look through the database: pages, references, and what must hold of the record'
complete -c pregonero -n "__fish_pregonero_using_subcommand db; and not __fish_seen_subcommand_from backup restore check help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pregonero -n "__fish_pregonero_using_subcommand db; and __fish_seen_subcommand_from backup" -l keep -d 'How many of the dated backups in the folder are kept' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand db; and __fish_seen_subcommand_from backup" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand db; and __fish_seen_subcommand_from backup" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand db; and __fish_seen_subcommand_from backup" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand db; and __fish_seen_subcommand_from backup" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand db; and __fish_seen_subcommand_from backup" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand db; and __fish_seen_subcommand_from backup" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand db; and __fish_seen_subcommand_from restore" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand db; and __fish_seen_subcommand_from restore" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand db; and __fish_seen_subcommand_from restore" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand db; and __fish_seen_subcommand_from restore" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand db; and __fish_seen_subcommand_from restore" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand db; and __fish_seen_subcommand_from restore" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand db; and __fish_seen_subcommand_from check" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand db; and __fish_seen_subcommand_from check" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand db; and __fish_seen_subcommand_from check" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand db; and __fish_seen_subcommand_from check" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand db; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand db; and __fish_seen_subcommand_from check" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand db; and __fish_seen_subcommand_from help" -f -a "backup" -d 'Copy the database while it is in use, verified; a kill in between leaves the previous backup whole'
complete -c pregonero -n "__fish_pregonero_using_subcommand db; and __fish_seen_subcommand_from help" -f -a "restore" -d 'Put a backup into the database\'s place; what was there is kept beside it'
complete -c pregonero -n "__fish_pregonero_using_subcommand db; and __fish_seen_subcommand_from help" -f -a "check" -d 'Look through the database: pages, references, and what must hold of the record'
complete -c pregonero -n "__fish_pregonero_using_subcommand db; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pregonero -n "__fish_pregonero_using_subcommand config; and not __fish_seen_subcommand_from check show help" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand config; and not __fish_seen_subcommand_from check show help" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand config; and not __fish_seen_subcommand_from check show help" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand config; and not __fish_seen_subcommand_from check show help" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand config; and not __fish_seen_subcommand_from check show help" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand config; and not __fish_seen_subcommand_from check show help" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand config; and not __fish_seen_subcommand_from check show help" -f -a "check" -d 'Say what is wrong, all of it at once; also loads the models, the word list and the credentials'
complete -c pregonero -n "__fish_pregonero_using_subcommand config; and not __fish_seen_subcommand_from check show help" -f -a "show" -d 'Print every setting in effect and where it comes from; secrets are named, never shown'
complete -c pregonero -n "__fish_pregonero_using_subcommand config; and not __fish_seen_subcommand_from check show help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pregonero -n "__fish_pregonero_using_subcommand config; and __fish_seen_subcommand_from check" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand config; and __fish_seen_subcommand_from check" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand config; and __fish_seen_subcommand_from check" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand config; and __fish_seen_subcommand_from check" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand config; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand config; and __fish_seen_subcommand_from check" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand config; and __fish_seen_subcommand_from show" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand config; and __fish_seen_subcommand_from show" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand config; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand config; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand config; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "check" -d 'Say what is wrong, all of it at once; also loads the models, the word list and the credentials'
complete -c pregonero -n "__fish_pregonero_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "show" -d 'Print every setting in effect and where it comes from; secrets are named, never shown'
complete -c pregonero -n "__fish_pregonero_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and not __fish_seen_subcommand_from list show pull convert control help" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and not __fish_seen_subcommand_from list show pull convert control help" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and not __fish_seen_subcommand_from list show pull convert control help" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and not __fish_seen_subcommand_from list show pull convert control help" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and not __fish_seen_subcommand_from list show pull convert control help" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and not __fish_seen_subcommand_from list show pull convert control help" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and not __fish_seen_subcommand_from list show pull convert control help" -f -a "list" -d 'List the built-in and the cached models: which can be used, and how much memory each takes'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and not __fish_seen_subcommand_from list show pull convert control help" -f -a "show" -d 'Show one model: its digest, what its weights were made of, its configuration and card'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and not __fish_seen_subcommand_from list show pull convert control help" -f -a "pull" -d 'Download a model from the hub; a broken download goes on where it stopped'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and not __fish_seen_subcommand_from list show pull convert control help" -f -a "convert" -d 'Make model.safetensors of the pytorch_model.bin in a folder, which pregonero does not read otherwise'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and not __fish_seen_subcommand_from list show pull convert control help" -f -a "control" -d 'Declare the control tokens of a model that was trained elsewhere, so that it writes from attributes'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and not __fish_seen_subcommand_from list show pull convert control help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from list" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from list" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from show" -l kind -d 'Which of the two built-in models; without it, both' -r -f -a "generator\t''
classifier\t''"
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from show" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from show" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from pull" -l revision -d 'A branch, a tag or a commit' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from pull" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from pull" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from pull" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from pull" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from pull" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from pull" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from convert" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from convert" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from convert" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from convert" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from convert" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from convert" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from control" -l layout -d 'The file that holds the layout' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from control" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from control" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from control" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from control" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from control" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from control" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from help" -f -a "list" -d 'List the built-in and the cached models: which can be used, and how much memory each takes'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show one model: its digest, what its weights were made of, its configuration and card'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from help" -f -a "pull" -d 'Download a model from the hub; a broken download goes on where it stopped'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from help" -f -a "convert" -d 'Make model.safetensors of the pytorch_model.bin in a folder, which pregonero does not read otherwise'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from help" -f -a "control" -d 'Declare the control tokens of a model that was trained elsewhere, so that it writes from attributes'
complete -c pregonero -n "__fish_pregonero_using_subcommand models; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and not __fish_seen_subcommand_from label compose enrich help" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and not __fish_seen_subcommand_from label compose enrich help" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and not __fish_seen_subcommand_from label compose enrich help" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and not __fish_seen_subcommand_from label compose enrich help" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and not __fish_seen_subcommand_from label compose enrich help" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and not __fish_seen_subcommand_from label compose enrich help" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and not __fish_seen_subcommand_from label compose enrich help" -f -a "label" -d 'Give the rows of a CSV file labels, by emoji or by hashtags'
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and not __fish_seen_subcommand_from label compose enrich help" -f -a "compose" -d 'Compose texts by a grammar in Tracery\'s JSON format, and check that their words agree'
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and not __fish_seen_subcommand_from label compose enrich help" -f -a "enrich" -d 'Fill the columns a controlled generator is trained with: sentiment, hashtags, entities, key phrases'
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and not __fish_seen_subcommand_from label compose enrich help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from label" -l rules -d 'What gives the labels' -r -f -a "emoji\t'By the emoji in a column: negative, neutral or positive'
hashtags\t'By hashtags in the text: negative or positive'"
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from label" -l data -d 'A CSV file with a header' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from label" -l text-column -d 'The column with the text' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from label" -l emoji-column -d 'The column with the emoji (--rules emoji)' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from label" -l author-column -d 'The column that tells authors apart; without it the result names none' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from label" -l positive -d 'A hashtag of those who are for it (--rules hashtags); may be given several times' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from label" -l negative -d 'A hashtag of those who are against it (--rules hashtags); may be given several times' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from label" -l output -d 'The CSV file to write; it must not exist yet' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from label" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from label" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from label" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from label" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from label" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from label" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from compose" -l grammar -d 'The grammar, a JSON file' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from compose" -s n -l count -d 'How many different texts' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from compose" -l seed -d 'The seed that all chance comes from' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from compose" -l columns -d 'Saved symbols that get a column beside `text`: their value at the end of the text, or nothing' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from compose" -l origin -d 'The symbol every text begins with' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from compose" -l max-length -d 'The greatest length of a text, as X counts it; leave room for the bot\'s disclosure' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from compose" -l output -d 'The file to write, a .csv or .jsonl; it must not exist yet' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from compose" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from compose" -l check -d 'Fail, and write nothing, where determiner, noun and adjective do not agree'
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from compose" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from compose" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from compose" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from compose" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from compose" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from enrich" -l data -d 'A CSV file with a header, a JSON-lines file (.jsonl), or a plain file with a text a line' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from enrich" -l text-column -d 'The column or field with the text' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from enrich" -l columns -d 'What to fill, each with the column\'s name where it is not SENTIMIENTO, HASHTAGS, ENTIDADES or FRASES' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from enrich" -l classifier -d 'The classifier that reads the sentiment: builtin, builtin:NAME, a folder or hub:OWNER/NAME' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from enrich" -l min-score -d 'Leave the sentiment empty where the classifier is less sure' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from enrich" -l output -d 'The CSV file to write, or JSON lines where --data is; it must not exist yet' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from enrich" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from enrich" -l strip-hashtags -d 'Take the hashtags at the end out of the text, and the sign of those within it'
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from enrich" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from enrich" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from enrich" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from enrich" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from enrich" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from help" -f -a "label" -d 'Give the rows of a CSV file labels, by emoji or by hashtags'
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from help" -f -a "compose" -d 'Compose texts by a grammar in Tracery\'s JSON format, and check that their words agree'
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from help" -f -a "enrich" -d 'Fill the columns a controlled generator is trained with: sentiment, hashtags, entities, key phrases'
complete -c pregonero -n "__fish_pregonero_using_subcommand dataset; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and not __fish_seen_subcommand_from tokenizer generator classifier vectors help" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and not __fish_seen_subcommand_from tokenizer generator classifier vectors help" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and not __fish_seen_subcommand_from tokenizer generator classifier vectors help" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and not __fish_seen_subcommand_from tokenizer generator classifier vectors help" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and not __fish_seen_subcommand_from tokenizer generator classifier vectors help" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and not __fish_seen_subcommand_from tokenizer generator classifier vectors help" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and not __fish_seen_subcommand_from tokenizer generator classifier vectors help" -f -a "tokenizer" -d 'Train a byte-level BPE tokenizer on texts'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and not __fish_seen_subcommand_from tokenizer generator classifier vectors help" -f -a "generator" -d 'Train a GPT-2 from scratch, or fine-tune one'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and not __fish_seen_subcommand_from tokenizer generator classifier vectors help" -f -a "classifier" -d 'Train a classifier on labelled tweets'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and not __fish_seen_subcommand_from tokenizer generator classifier vectors help" -f -a "vectors" -d 'Train word vectors on texts, for a classifier to start from'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and not __fish_seen_subcommand_from tokenizer generator classifier vectors help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from tokenizer" -l data -d 'Texts: FILE (one a line), FILE.csv:COLUMN or FILE.jsonl:FIELD, with =WEIGHT for a share (0.1) or repeats (3)' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from tokenizer" -l clean -d 'How texts are tidied first' -r -f -a "tweets\t'Links, mentions and placeholders out, texts under four words dropped'
none\t'NFC only'"
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from tokenizer" -l vocab-size -d 'Number of tokens, bytes and special tokens included' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from tokenizer" -l min-frequency -d 'Pairs seen less often are not merged' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from tokenizer" -l special -d 'A special token beside <|endoftext|>; may be given several times' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from tokenizer" -l output -d 'Folder for tokenizer.json, vocab.json and merges.txt' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from tokenizer" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from tokenizer" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from tokenizer" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from tokenizer" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from tokenizer" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from tokenizer" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l data -d 'Texts: FILE (one a line), FILE.csv:COLUMN or FILE.jsonl:FIELD, with =WEIGHT for a share (0.1) or repeats (3)' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l clean -d 'How texts are tidied first' -r -f -a "tweets\t'Links, mentions and placeholders out, texts under four words dropped'
none\t'NFC only'"
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l base -d 'The model to fine-tune: builtin, a folder in Hugging Face layout or hub:OWNER/NAME; without it one is trained from scratch' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l tokenizer -d 'The tokenizer\'s folder for training from scratch' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l layers -d 'Number of layers (from scratch)' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l width -d 'Width of the model (from scratch)' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l heads -d 'Attention heads (from scratch)' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l positions -d 'Longest sequence in tokens (from scratch)' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l samples -d 'What a sample is; with --control always texts [default: blocks]' -r -f -a "blocks\t'All texts joined, cut into blocks of --block tokens'
texts\t'One text a sample, padded; the padding does not count in the loss'"
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l block -d 'Tokens a sample; of a text, at most' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l control -d 'Attributes to write from, each with the column of --data that holds its values where the names differ' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l truncate -d 'Attributes that lose words where a sample is too long, the first one first [default: FRASES,ENTIDADES,HASHTAGS, those of them that are there]' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l control-dropout -d 'How often a text is trained without its attributes, and each of them is left empty by itself' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l duplicates -d 'Which repeated texts are left out' -r -f -a "near\t'Equal texts and those that share most of their words'
exact\t'Equal texts'
keep\t'None: all are kept'"
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l batch -d 'Samples a step' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l epochs -d 'Passes over the data' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l steps -d 'Optimiser steps; overrides --epochs' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l learning-rate -d 'Highest learning rate' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l warmup-steps -d 'Steps in which the learning rate rises from 0' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l decay -d 'How the learning rate falls afterwards' -r -f -a "linear\t''
cosine\t''
constant\t''"
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l weight-decay -d 'AdamW\'s weight decay; biases and layer norms do not decay' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l beta2 -d 'AdamW\'s decay of the second moment' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l clip -d 'Largest norm of the gradient' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l accumulate -d 'Batches summed up for one step of the optimiser' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l dropout -d 'Dropout of embeddings, residuals and attention; without it as the base\'s configuration says (from scratch 0.1)' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l device -d 'auto (CUDA where it works), cpu, cuda or cuda:N' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l precision -d 'How the factors of matrix products are rounded; weights, sums and the optimiser are f32 either way' -r -f -a "f32\t''
bf16\t'On a GPU, or on a processor with AMX, where a step takes a fraction of the time'"
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l seed -d 'Seed of initial weights, shuffling and dropout' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l held-out -d 'Share of texts held out for evaluation' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l held-out-tokens -d 'Evaluate at most this many held-out tokens' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l evaluate-every -d 'Steps between evaluations' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l save-every -d 'Steps between checkpoints' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l log-every -d 'Steps between lines of progress' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l patience -d 'Stop after this many evaluations without gain' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l verbatim-candidates -d 'Texts that the finished model writes, to put the share that repeats its training texts into its card; 0 for none' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l output -d 'Folder for the model, its checkpoints and its log' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l resume -d 'Go on from the checkpoint in the output folder'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l no-verbatim-index -d 'Write no index for the verbatim gate beside the model'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l f16 -d 'Store the result as f16'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from generator" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l data -d 'Labelled tweets: a UTF-8 CSV file with a header' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l text-column -d 'The column with the text' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l label-column -d 'The column with the label, its name or its number' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l author-column -d 'The column that tells authors apart, so that none stands in two parts of a split; "" where there is none' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l labels -d 'The labels, in the order of their numbers' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l weak -d 'Rows of another CSV file, whose COLUMN is VALUE, are trained on as LABEL; weight 0.5 if not given' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l unlabelled -d 'Rows of another CSV file are trained on with the teachers\' labels' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l teacher -d 'A classifier whose probabilities are learned; several are averaged' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l distill-weight -d 'Share of the teachers in the target of a labelled row' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l distill-temperature -d 'Softens (above 1) or sharpens (below 1) what the teachers say' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l min-confidence -d 'Use unlabelled rows only where the teachers give one label at least this probability' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l cleaning -d 'How texts are cleaned: plain, lemmatised or tweet' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l split -d 'groups: authors and near-duplicates stay together; random: as VacunaBot\'s slides, duplicates left in' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l shares -d 'Train, validation and test part; 0.7,0.1,0.2 by groups, 0.63,0.07,0.3 at random' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l near-duplicate -d 'Share of words that makes texts near-duplicates, kept in one part; 0: only equal texts are' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l split-seed -d 'Seed of the split, where it shall not be that of the training' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l export-split -d 'Write the split as CSV, for another program' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l arch -d 'The network' -r -f -a "bilstm-small\t'One bidirectional LSTM layer of 32 units'
lstm\t'VacunaBot\'s three LSTM layers'
lstm-lemmatised\t'VacunaBot\'s four LSTM layers for lemmatised text'
bilstm\t'VacunaBot\'s three bidirectional LSTM layers'
bigru\t'VacunaBot\'s three bidirectional GRU layers'
hybrid\t'One bidirectional GRU layer of 64 units beside a linear part over n-grams'"
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l embedding -d 'Width of the word vectors' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l units -d 'Units of each recurrent layer (of each direction), layer by layer: 256,128,64' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l spatial-dropout -d 'Share of the word vectors\' features that a training row loses as a whole' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l ngram-dropout -d 'Share of its n-grams that a training row loses, with --arch hybrid' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l ngram-scale -d 'How fast the n-grams learn beside the rest, with --arch hybrid: what they weigh together' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l padding -d 'Where short rows are filled: left, as Keras does, or right' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l vectors -d 'Word vectors to begin with: a file in word2vec\'s, GloVe\'s or fastText\'s text format, or a folder of `train vectors`, whose n-grams spell the words that its table does not hold' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l vocab-size -d 'Rows of the embedding at most, padding and the unknown word included' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l min-count -d 'Words seen less often in training share the unknown word\'s row' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l steps -d 'Words of a row; longer texts lose their beginning' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l batch -d 'Rows a step' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l epochs -d 'Passes over the data at most' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l max-minutes -d 'Minutes after which the epoch in work is the last' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l stop-on -d 'What the validation part decides by: loss or f1, the macro F1 that the progress shows' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l calibration -d 'What makes probabilities of the logits: temperature, platt, or auto (platt for two labels)' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l patience -d 'Stop after this many epochs without improvement' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l min-delta -d 'What counts as an improvement' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l learning-rate -d 'Adam\'s highest learning rate' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l warmup-steps -d 'Steps in which the learning rate rises from 0' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l decay -d 'How the learning rate falls afterwards: constant, linear or cosine' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l weight-decay -d 'AdamW\'s weight decay; biases do not decay' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l clip -d 'Largest norm of the gradient; 0: any' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l label-smoothing -d 'Share of every target that is spread over all labels' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l word-dropout -d 'Probability that a word is read as the unknown word' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l augment -d 'Probability that a row has words replaced by their neighbours (with --vectors), else swapped or left out' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l ema -d 'Keep a running mean of the weights with this decay, for example 0.999' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l seed -d 'Seed of split, initial weights, order and dropout' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l recommend-min-score -d 'The sentiment.min_score that the model advises' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l label-hashtag -d 'A hashtag that gave a label, such as positive=YoMeVacuno; may be given several times. The network never reads hashtags, so the gate `message` rejects those of another label than the bot\'s' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l about -d 'Where the data comes from and its licence, for the model card' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l output -d 'Folder for the model and its card; it must not exist yet' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l grid -d 'Train every combination of a TOML file\'s settings and keep the best; goes on where it was stopped, unless a file that is trained on has changed' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l mask-padding -d 'Skip padding instead of reading it as a word; --arch hybrid always does'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l freeze-vectors -d 'Leave the word vectors as they are'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l no-balance -d 'Let labels weigh as many rows as they have'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l f32 -d 'Store the weights as f32 instead of f16'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l overwrite -d 'Replace the folder if it exists'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l resume -d 'Go on from the checkpoint beside the output folder; where there is neither, start anew'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l summary -d 'Print the table of layers and train nothing'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from classifier" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from vectors" -l data -d 'Texts: FILE (one a line), FILE.csv:COLUMN or FILE.jsonl:FIELD, with =WEIGHT for a share (0.1) or repeats (3)' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from vectors" -l clean -d 'How texts are tidied first' -r -f -a "tweets\t'Links, mentions and placeholders out, texts under four words dropped'
none\t'NFC only'"
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from vectors" -l pipeline -d 'How texts become words, as in the classifier that shall use them: plain, lemmatised or tweet' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from vectors" -l width -d 'Values of a vector' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from vectors" -l window -d 'Words to each side at most' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from vectors" -l negatives -d 'Words drawn at random for each pair of neighbours' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from vectors" -l min-count -d 'Words seen less often are left out' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from vectors" -l vocab-size -d 'The most frequent words that get a vector' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from vectors" -l subsample -d 'Words more frequent than this share are left out at random; 0 keeps all' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from vectors" -l epochs -d 'Passes over the data' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from vectors" -l learning-rate -d 'Where the learning rate begins; it falls in a line to almost 0' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from vectors" -l buckets -d 'Rows for hashed n-grams of characters, as in fastText; 0 trains words alone, as word2vec' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from vectors" -l ngrams -d 'Characters of the shortest and the longest n-gram' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from vectors" -l seed -d 'Seed of initial values, order and everything drawn' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from vectors" -l threads -d 'Threads; only one gives the same vectors each time' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from vectors" -l output -d 'Folder for the vectors; it must not exist yet' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from vectors" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from vectors" -l overwrite -d 'Replace the folder if it exists'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from vectors" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from vectors" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from vectors" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from vectors" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from vectors" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from help" -f -a "tokenizer" -d 'Train a byte-level BPE tokenizer on texts'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from help" -f -a "generator" -d 'Train a GPT-2 from scratch, or fine-tune one'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from help" -f -a "classifier" -d 'Train a classifier on labelled tweets'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from help" -f -a "vectors" -d 'Train word vectors on texts, for a classifier to start from'
complete -c pregonero -n "__fish_pregonero_using_subcommand train; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and not __fish_seen_subcommand_from generator obedience voice classifier comparison help" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and not __fish_seen_subcommand_from generator obedience voice classifier comparison help" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and not __fish_seen_subcommand_from generator obedience voice classifier comparison help" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and not __fish_seen_subcommand_from generator obedience voice classifier comparison help" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and not __fish_seen_subcommand_from generator obedience voice classifier comparison help" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and not __fish_seen_subcommand_from generator obedience voice classifier comparison help" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and not __fish_seen_subcommand_from generator obedience voice classifier comparison help" -f -a "generator" -d 'Measure generators: perplexity, diversity, gates, and whether their texts can be told from people\'s'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and not __fish_seen_subcommand_from generator obedience voice classifier comparison help" -f -a "obedience" -d 'Measure a generator with control tokens: does it write the sentiment and the hashtags that are demanded'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and not __fish_seen_subcommand_from generator obedience voice classifier comparison help" -f -a "voice" -d 'Run rounds without posting and let a person judge, blind, what they chose'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and not __fish_seen_subcommand_from generator obedience voice classifier comparison help" -f -a "classifier" -d 'Measure a classifier: accuracy, macro F1, AUC, calibration, each label, confusion matrix'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and not __fish_seen_subcommand_from generator obedience voice classifier comparison help" -f -a "comparison" -d 'Train and measure several classifiers under several protocols, and write a table of them'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and not __fish_seen_subcommand_from generator obedience voice classifier comparison help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from generator" -l model -d 'A generator: builtin, a folder or hub:OWNER/NAME; several are compared' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from generator" -l data -d 'Real texts it was not trained on: FILE (one a line), FILE.csv:COLUMN or FILE.jsonl:FIELD, with =WEIGHT for a share' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from generator" -l held-out -d 'Of --data only the texts that `train generator --held-out SHARE` keeps back, of --baseline-data only the others' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from generator" -l clean -d 'How texts are tidied first' -r -f -a "tweets\t'Links, mentions and placeholders out, texts under four words dropped'
none\t'NFC only'"
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from generator" -l block -d 'Tokens the model reads at a time; without it its whole context' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from generator" -l stride -d 'How far one block lies behind the last; below --block, tokens are predicted from more context. Without it a block' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from generator" -l device -d 'Where perplexity is computed: cpu, auto, cuda or cuda:N' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from generator" -l baseline-data -d 'Train a 5-gram model (Kneser-Ney) on these texts and put its perplexity beside; about 50 bytes of memory a token' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from generator" -l generate -d 'Write N candidates and measure diversity, repetition, copied runs and what each gate says' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from generator" -l prompt -d 'Words the candidates go on from; may be given several times. Without it the configured seed prompts' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from generator" -l strategy -d 'How tokens are chosen: sample, greedy or beam' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from generator" -l temperature -d 'Above 0; lower is tamer, higher is wilder' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from generator" -l top-k -d 'Draw from the K likeliest tokens only; 0 is off' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from generator" -l top-p -d 'Draw from the likeliest tokens that together have this probability; 1 is off' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from generator" -l min-p -d 'Leave out tokens less likely than this share of the likeliest one\'s probability; 0 is off' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from generator" -l typical-p -d 'Draw from the tokens about as surprising as the model expects, that together have this probability; 1 is off' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from generator" -l repetition-penalty -d 'Make tokens already used less likely; 1 is off' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from generator" -l no-repeat-ngram -d 'Let no run of this many tokens come twice; 0 is off' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from generator" -l max-new-tokens -d 'The longest continuation, in tokens' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from generator" -l rng-seed -d 'The seed that all chance comes from; the same one gives the same candidates' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from generator" -l references -d 'Texts to measure the candidates\' BLEU against' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from generator" -l discriminator -d 'Train a classifier to tell N texts of the model (without a prompt) from N of --data, and report its AUC' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from generator" -l blind-test -d 'Write a page on which a person tells texts of --data from the model\'s' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from generator" -l blind-items -d 'Texts of the blind test, half of them real' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from generator" -l output -d 'Write the table as a Markdown page' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from generator" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from generator" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from generator" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from generator" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from generator" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from generator" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from obedience" -l model -d 'A generator with control tokens: builtin, a folder or hub:OWNER/NAME' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from obedience" -l classifier -d 'The classifier that reads what was written: builtin, builtin:NAME, a folder or hub:OWNER/NAME' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from obedience" -l attribute -d 'The attribute whose values are the classifier\'s labels' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from obedience" -l values -d 'The values to demand; without it those the model was trained with' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from obedience" -l hashtags -d 'Hashtags to demand as well' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from obedience" -l hashtag-attribute -d 'The attribute that demands hashtags' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from obedience" -s n -l texts -d 'Texts to write over all values, and again over all hashtags' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from obedience" -l prompt -d 'Words the texts go on from; may be given several times. Without it the context alone' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from obedience" -l strategy -d 'How tokens are chosen: sample, greedy or beam' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from obedience" -l temperature -d 'Above 0; lower is tamer, higher is wilder' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from obedience" -l top-k -d 'Draw from the K likeliest tokens only; 0 is off' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from obedience" -l top-p -d 'Draw from the likeliest tokens that together have this probability; 1 is off' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from obedience" -l min-p -d 'Leave out tokens less likely than this share of the likeliest one\'s probability; 0 is off' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from obedience" -l typical-p -d 'Draw from the tokens about as surprising as the model expects, that together have this probability; 1 is off' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from obedience" -l repetition-penalty -d 'Make tokens already used less likely; 1 is off' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from obedience" -l no-repeat-ngram -d 'Let no run of this many tokens come twice; 0 is off' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from obedience" -l max-new-tokens -d 'The longest continuation, in tokens' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from obedience" -l rng-seed -d 'The seed that all chance comes from; the same one gives the same candidates' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from obedience" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from obedience" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from obedience" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from obedience" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from obedience" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from obedience" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from voice" -l model -d 'The generator; without it generation.model' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from voice" -l rounds -d 'Rounds to run, each with the configured number of candidates' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from voice" -l strategy -d 'How tokens are chosen: sample, greedy or beam' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from voice" -l temperature -d 'Above 0; lower is tamer, higher is wilder' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from voice" -l top-k -d 'Draw from the K likeliest tokens only; 0 is off' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from voice" -l top-p -d 'Draw from the likeliest tokens that together have this probability; 1 is off' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from voice" -l min-p -d 'Leave out tokens less likely than this share of the likeliest one\'s probability; 0 is off' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from voice" -l typical-p -d 'Draw from the tokens about as surprising as the model expects, that together have this probability; 1 is off' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from voice" -l repetition-penalty -d 'Make tokens already used less likely; 1 is off' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from voice" -l no-repeat-ngram -d 'Let no run of this many tokens come twice; 0 is off' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from voice" -l max-new-tokens -d 'The longest continuation, in tokens' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from voice" -l rng-seed -d 'The seed that all chance comes from; the same one gives the same candidates' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from voice" -l sheet -d 'Write the blind sheet, and its key next to it (FILE.key.csv)' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from voice" -l page -d 'Write the same texts as a page on which a person tells the bot\'s from real ones' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from voice" -l data -d 'Real texts for the sheet: FILE (one a line), FILE.csv:COLUMN or FILE.jsonl:FIELD' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from voice" -l real -d 'Real texts in the sheet; without it half as many as rounds' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from voice" -l own -d 'Texts of your own that the model was trained on: count the chosen ones that are 80 % like one of them' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from voice" -l others -d 'Texts of other people: count the chosen ones that share eight words in a row with one of them' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from voice" -l judged -d 'Read a sheet that was filled in, and report the shares; nothing is run' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from voice" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from voice" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from voice" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from voice" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from voice" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from voice" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from classifier" -l model -d 'The classifier: builtin, a folder or hub:OWNER/NAME' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from classifier" -l data -d 'Labelled tweets: a CSV file with a header' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from classifier" -l text-column -d 'The column with the text' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from classifier" -l label-column -d 'The column with the label, its name or its number' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from classifier" -l author-column -d 'The column that tells authors apart, so that none stands in two parts of a split; "" where there is none' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from classifier" -l report -d 'Write a page with plots: training curves, confusion matrix, reliability, ROC, thresholds for min_score' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from classifier" -l errors -d 'List the rows it is most confidently wrong about, by their number behind the header' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from classifier" -l pair-column -d 'The column that pairs a text with its inversion: measure how many pairs it tells apart (minimal_pairs.csv of the built-in classifier is such a file)' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from classifier" -l projector -d 'Write its word vectors for TensorBoard\'s projector, and a page that shows them in a browser' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from classifier" -l projector-words -d 'Words of the projector, the most frequent in training first' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from classifier" -l runs -d 'Train N times over seeds and give mean and deviation of every metric; what to train stands behind --' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from classifier" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from classifier" -l held-out -d 'Measure on the part of its own training file that the classifier never saw'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from classifier" -l speed -d 'Measure how fast it scores: tweets a second, and milliseconds for a round\'s 16 candidates'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from classifier" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from classifier" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from classifier" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from classifier" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from classifier" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from comparison" -l spec -d 'What to compare: protocols and rows as a TOML file' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from comparison" -l work -d 'Folder for finished cells, splits and models' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from comparison" -l output -d 'The Markdown page to write' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from comparison" -l runs -d 'Seeds from 1 on; more than one give mean and deviation' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from comparison" -l only -d 'Train only what has this in its title (\\"random, LSTM, plain, seed 1\\"); the table shows all that is done' -r
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from comparison" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from comparison" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from comparison" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from comparison" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from comparison" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from comparison" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from help" -f -a "generator" -d 'Measure generators: perplexity, diversity, gates, and whether their texts can be told from people\'s'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from help" -f -a "obedience" -d 'Measure a generator with control tokens: does it write the sentiment and the hashtags that are demanded'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from help" -f -a "voice" -d 'Run rounds without posting and let a person judge, blind, what they chose'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from help" -f -a "classifier" -d 'Measure a classifier: accuracy, macro F1, AUC, calibration, each label, confusion matrix'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from help" -f -a "comparison" -d 'Train and measure several classifiers under several protocols, and write a table of them'
complete -c pregonero -n "__fish_pregonero_using_subcommand evaluate; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pregonero -n "__fish_pregonero_using_subcommand completions" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand completions" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand completions" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand completions" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand completions" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand completions" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand man" -l output -d 'Write one page a command into this folder, which is made; without it the main page is printed' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand man" -l config -d 'The configuration file; without it ./config.toml is read, then /etc/pregonero/config.toml' -r -F
complete -c pregonero -n "__fish_pregonero_using_subcommand man" -l json -d 'Print one JSON object a line, for machines'
complete -c pregonero -n "__fish_pregonero_using_subcommand man" -s v -l verbose -d 'Log more; -vv logs everything'
complete -c pregonero -n "__fish_pregonero_using_subcommand man" -s q -l quiet -d 'Say nothing beside data and errors'
complete -c pregonero -n "__fish_pregonero_using_subcommand man" -s h -l help -d 'Print help'
complete -c pregonero -n "__fish_pregonero_using_subcommand man" -s V -l version -d 'Print version'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and not __fish_seen_subcommand_from init run once generate inspect review history pause resume reload status doctor healthcheck auth alerts db config models dataset train evaluate completions man help" -f -a "init" -d 'Write a commented configuration to begin with; asks on a terminal, never replaces a file'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and not __fish_seen_subcommand_from init run once generate inspect review history pause resume reload status doctor healthcheck auth alerts db config models dataset train evaluate completions man help" -f -a "run" -d 'Run the daemon: a round for each slot of the schedule; a dry run unless publish.live is set'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and not __fish_seen_subcommand_from init run once generate inspect review history pause resume reload status doctor healthcheck auth alerts db config models dataset train evaluate completions man help" -f -a "once" -d 'Do one round now and print what came of it'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and not __fish_seen_subcommand_from init run once generate inspect review history pause resume reload status doctor healthcheck auth alerts db config models dataset train evaluate completions man help" -f -a "generate" -d 'Write candidates with scores and verdicts; nothing is recorded or posted'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and not __fish_seen_subcommand_from init run once generate inspect review history pause resume reload status doctor healthcheck auth alerts db config models dataset train evaluate completions man help" -f -a "inspect" -d 'Say what the bot thinks of a text: length, entities, sentiment, the verdict of each gate'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and not __fish_seen_subcommand_from init run once generate inspect review history pause resume reload status doctor healthcheck auth alerts db config models dataset train evaluate completions man help" -f -a "review" -d 'Settle the posts that wait for a person'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and not __fish_seen_subcommand_from init run once generate inspect review history pause resume reload status doctor healthcheck auth alerts db config models dataset train evaluate completions man help" -f -a "history" -d 'Read the record: every round, its candidates and what was posted'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and not __fish_seen_subcommand_from init run once generate inspect review history pause resume reload status doctor healthcheck auth alerts db config models dataset train evaluate completions man help" -f -a "pause" -d 'Let nothing out until `resume`, also of a running daemon'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and not __fish_seen_subcommand_from init run once generate inspect review history pause resume reload status doctor healthcheck auth alerts db config models dataset train evaluate completions man help" -f -a "resume" -d 'Let posts out again after a pause, or after X refused them for good'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and not __fish_seen_subcommand_from init run once generate inspect review history pause resume reload status doctor healthcheck auth alerts db config models dataset train evaluate completions man help" -f -a "reload" -d 'Have the running daemon read configuration and credentials again, and say what changed or why not'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and not __fish_seen_subcommand_from init run once generate inspect review history pause resume reload status doctor healthcheck auth alerts db config models dataset train evaluate completions man help" -f -a "status" -d 'Say what the daemon is doing, by which configuration, and what waits for a person'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and not __fish_seen_subcommand_from init run once generate inspect review history pause resume reload status doctor healthcheck auth alerts db config models dataset train evaluate completions man help" -f -a "doctor" -d 'Look at every part that could stop the next post, and say what to do'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and not __fish_seen_subcommand_from init run once generate inspect review history pause resume reload status doctor healthcheck auth alerts db config models dataset train evaluate completions man help" -f -a "healthcheck" -d 'Say by the exit code whether somebody has to act; a pause and a used-up budget are healthy'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and not __fish_seen_subcommand_from init run once generate inspect review history pause resume reload status doctor healthcheck auth alerts db config models dataset train evaluate completions man help" -f -a "auth" -d 'Let the bot into its account'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and not __fish_seen_subcommand_from init run once generate inspect review history pause resume reload status doctor healthcheck auth alerts db config models dataset train evaluate completions man help" -f -a "alerts" -d 'Try the alerts, or list those that are not over'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and not __fish_seen_subcommand_from init run once generate inspect review history pause resume reload status doctor healthcheck auth alerts db config models dataset train evaluate completions man help" -f -a "db" -d 'Back up, restore or check the record'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and not __fish_seen_subcommand_from init run once generate inspect review history pause resume reload status doctor healthcheck auth alerts db config models dataset train evaluate completions man help" -f -a "config" -d 'Check the configuration, or show what is in effect'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and not __fish_seen_subcommand_from init run once generate inspect review history pause resume reload status doctor healthcheck auth alerts db config models dataset train evaluate completions man help" -f -a "models" -d 'List, show and download models'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and not __fish_seen_subcommand_from init run once generate inspect review history pause resume reload status doctor healthcheck auth alerts db config models dataset train evaluate completions man help" -f -a "dataset" -d 'Make tables to train on'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and not __fish_seen_subcommand_from init run once generate inspect review history pause resume reload status doctor healthcheck auth alerts db config models dataset train evaluate completions man help" -f -a "train" -d 'Train a tokenizer, a generator, a classifier or word vectors'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and not __fish_seen_subcommand_from init run once generate inspect review history pause resume reload status doctor healthcheck auth alerts db config models dataset train evaluate completions man help" -f -a "evaluate" -d 'Measure a model on data it was not trained on'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and not __fish_seen_subcommand_from init run once generate inspect review history pause resume reload status doctor healthcheck auth alerts db config models dataset train evaluate completions man help" -f -a "completions" -d 'Print a completion script for a shell'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and not __fish_seen_subcommand_from init run once generate inspect review history pause resume reload status doctor healthcheck auth alerts db config models dataset train evaluate completions man help" -f -a "man" -d 'Print the manual page, or write all of them'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and not __fish_seen_subcommand_from init run once generate inspect review history pause resume reload status doctor healthcheck auth alerts db config models dataset train evaluate completions man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and __fish_seen_subcommand_from review" -f -a "list" -d 'List the posts that wait for a person, the oldest first'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and __fish_seen_subcommand_from review" -f -a "show" -d 'Show one post with what gates and classifier said of it'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and __fish_seen_subcommand_from review" -f -a "approve" -d 'Let a post through; a running daemon sends it within seconds, outside quiet hours'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and __fish_seen_subcommand_from review" -f -a "reject" -d 'Stop a post: one that waits is rejected, an approved one that is not under way is cancelled'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and __fish_seen_subcommand_from history" -f -a "list" -d 'List the newest rounds with what became of them, the newest first'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and __fish_seen_subcommand_from history" -f -a "show" -d 'Show everything on record about one round: all candidates, verdicts, decisions and calls'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and __fish_seen_subcommand_from history" -f -a "costs" -d 'Show what X charged for posts and readings, month by month, by the prices at that time'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and __fish_seen_subcommand_from auth" -f -a "login" -d 'Log in to the account; writes the token files into publish.tokens'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and __fish_seen_subcommand_from alerts" -f -a "test" -d 'Send a test through every channel of [alerts], at once'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and __fish_seen_subcommand_from alerts" -f -a "list" -d 'List the alerts that are not over'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and __fish_seen_subcommand_from db" -f -a "backup" -d 'Copy the database while it is in use, verified; a kill in between leaves the previous backup whole'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and __fish_seen_subcommand_from db" -f -a "restore" -d 'Put a backup into the database\'s place; what was there is kept beside it'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and __fish_seen_subcommand_from db" -f -a "check" -d 'Look through the database: pages, references, and what must hold of the record'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "check" -d 'Say what is wrong, all of it at once; also loads the models, the word list and the credentials'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "show" -d 'Print every setting in effect and where it comes from; secrets are named, never shown'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and __fish_seen_subcommand_from models" -f -a "list" -d 'List the built-in and the cached models: which can be used, and how much memory each takes'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and __fish_seen_subcommand_from models" -f -a "show" -d 'Show one model: its digest, what its weights were made of, its configuration and card'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and __fish_seen_subcommand_from models" -f -a "pull" -d 'Download a model from the hub; a broken download goes on where it stopped'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and __fish_seen_subcommand_from models" -f -a "convert" -d 'Make model.safetensors of the pytorch_model.bin in a folder, which pregonero does not read otherwise'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and __fish_seen_subcommand_from models" -f -a "control" -d 'Declare the control tokens of a model that was trained elsewhere, so that it writes from attributes'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and __fish_seen_subcommand_from dataset" -f -a "label" -d 'Give the rows of a CSV file labels, by emoji or by hashtags'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and __fish_seen_subcommand_from dataset" -f -a "compose" -d 'Compose texts by a grammar in Tracery\'s JSON format, and check that their words agree'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and __fish_seen_subcommand_from dataset" -f -a "enrich" -d 'Fill the columns a controlled generator is trained with: sentiment, hashtags, entities, key phrases'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and __fish_seen_subcommand_from train" -f -a "tokenizer" -d 'Train a byte-level BPE tokenizer on texts'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and __fish_seen_subcommand_from train" -f -a "generator" -d 'Train a GPT-2 from scratch, or fine-tune one'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and __fish_seen_subcommand_from train" -f -a "classifier" -d 'Train a classifier on labelled tweets'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and __fish_seen_subcommand_from train" -f -a "vectors" -d 'Train word vectors on texts, for a classifier to start from'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and __fish_seen_subcommand_from evaluate" -f -a "generator" -d 'Measure generators: perplexity, diversity, gates, and whether their texts can be told from people\'s'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and __fish_seen_subcommand_from evaluate" -f -a "obedience" -d 'Measure a generator with control tokens: does it write the sentiment and the hashtags that are demanded'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and __fish_seen_subcommand_from evaluate" -f -a "voice" -d 'Run rounds without posting and let a person judge, blind, what they chose'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and __fish_seen_subcommand_from evaluate" -f -a "classifier" -d 'Measure a classifier: accuracy, macro F1, AUC, calibration, each label, confusion matrix'
complete -c pregonero -n "__fish_pregonero_using_subcommand help; and __fish_seen_subcommand_from evaluate" -f -a "comparison" -d 'Train and measure several classifiers under several protocols, and write a table of them'
