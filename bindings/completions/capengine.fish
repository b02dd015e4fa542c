# capengine.fish - completion in fish; what a word may become, the program says.

function __capengine_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in ($words[1] help --complete $words[2..] 2>/dev/null)
        switch $line
            case :files
                __fish_complete_path (commandline -ct)
            case :users
                __fish_complete_users
            case '*'
                echo $line
        end
    end
end

complete -c capengine -f -a '(__capengine_complete)'
